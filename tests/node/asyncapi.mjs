// Runs AsyncAPI's own parser over the document on standard input; prints its diagnostics as JSON.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(await readFile("/dev/stdin", "utf8"));
const channels = document ? document.channels().all().map((channel) => channel.address()) : [];
process.stdout.write(JSON.stringify({ channels, diagnostics }));
