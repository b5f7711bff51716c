#!/usr/bin/env python3
"""Starts and stops a real one-node Kafka on this machine, with nothing but Java and Maven.

    python scripts/kafka/kafka.py start  --directory DIR [--port PORT]
    python scripts/kafka/kafka.py status --directory DIR
    python scripts/kafka/kafka.py stop   --directory DIR

`start` prints the bootstrap address once the broker answers. Everything of the node (settings,
log, records, process id) is in DIR; started there again it has the same port and records.
The jars come from Maven Central, once, into `.cache/kafka` of the repository.

Exit codes: 0 done (status: running), 1 failed (status: not running), 2 Java, Maven or the jars
are missing.
"""

import argparse
import base64
import hashlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Final

import psutil

HERE: Final = Path(__file__).resolve().parent
CACHE: Final = HERE.parents[1] / ".cache" / "kafka"
HOST: Final = "127.0.0.1"
# Below the ports that systems give to outgoing connections, so that none takes it in between.
PORTS: Final = range(20_000, 32_000)
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 20.0
# ApiVersions v0 (key 18), correlation id 1, no client id: the first thing any client asks.
ASK: Final = bytes.fromhex("0000000a0012000000000001ffff")

SETTINGS: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=BROKER://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=BROKER://{host}:{port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=8388608
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
"""

SERVER_FLAGS: Final = ("-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-Xshare:auto")
TOOL_FLAGS: Final = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


class Missing(Exception):  # noqa: N818 - says what is missing, which is no fault of the program
    """Java, Maven or the jars aren't there; the message says how to get them."""


class Failed(Exception):  # noqa: N818 - a failed command, told to the person who gave it
    """The broker did not do as asked; the message says why."""


def program(name: str, package: str) -> str:
    """Find a program on the path."""
    if found := shutil.which(name):
        return found
    raise Missing(f"`{name}` is not on the path: install it (Debian: apt-get install {package})")


def bring_jars() -> Path:
    """Give the folder of Kafka's jars, fetched through Maven where they aren't there yet."""
    pom = HERE / "pom.xml"
    jars = CACHE / hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    if jars.is_dir():
        return jars
    maven = program("mvn", "maven")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        fetched = Path(scratch) / "jars"
        command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
        command.append(f"-DoutputDirectory={fetched}")
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            raise Missing(f"Maven could not bring Kafka's jars:\n{run.stdout}{run.stderr}")
        try:
            fetched.rename(jars)
        except OSError:
            if not jars.is_dir():  # else another start was quicker, with the same jars
                raise
    return jars


def java(jars: Path, directory: Path, flags: tuple[str, ...], *arguments: str) -> list[str]:
    """Make the command line of one Java program of Kafka's."""
    return [
        program("java", "default-jre-headless"),
        *flags,
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        f"-Dkafka.logs.dir={directory}",
        "-cp",
        f"{jars}/*",
        *arguments,
    ]


def free_port(taken: int = 0) -> int:
    """Choose a port that nothing listens on now."""
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            if port != taken:
                return port
    raise Failed(f"no free port between {PORTS.start} and {PORTS.stop}")


def settings_file(directory: Path) -> Path:
    """Name the node's settings."""
    return directory / "server.properties"


def port_of(directory: Path) -> int:
    """Read the node's port from its settings; 0 where it was never formatted."""
    try:
        text = settings_file(directory).read_text()
    except FileNotFoundError:
        return 0
    return int(text.split("advertised.listeners=", 1)[1].splitlines()[0].rsplit(":", 1)[1])


def running(directory: Path) -> psutil.Process | None:
    """Find the node's process by its id; a process that took over the id is not it."""
    try:
        process = psutil.Process(int((directory / "kafka.pid").read_text()))
        ours = str(settings_file(directory)) in process.cmdline()
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.ZombieProcess):
        return None
    return process if ours and process.status() != psutil.STATUS_ZOMBIE else None


def answers(port: int) -> bool:
    """Ask whether a broker serves requests on this port; it does once it is unfenced."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(ASK)
            return len(connection.recv(8)) > 0
    except OSError:
        return False


def format_storage(directory: Path, jars: Path, port: int) -> None:
    """Write the node's settings and format its storage."""
    directory.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    text = SETTINGS.format(
        host=HOST, port=port, controller_port=free_port(port), data=directory / "data"
    )
    settings = settings_file(directory)
    draft = settings.with_suffix(".draft")
    draft.write_text(text)
    cluster = base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).rstrip(b"=").decode()
    tool = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(draft))
    run = subprocess.run(
        java(jars, directory, TOOL_FLAGS, *tool), capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise Failed(f"could not format {directory}:\n{hint(run.stdout + run.stderr)}")
    draft.rename(settings)


def hint(log: str) -> str:
    """Cut a Java program's last words, with what to do where that is known."""
    if "UnsupportedClassVersionError" in log:
        return "Kafka 4 needs Java 17 or later: install it (Debian: apt-get install default-jre)"
    return "\n".join(log.splitlines()[-20:])


def start(directory: Path, port: int) -> str:
    """Start the node and wait until it answers.

    Returns:
        The bootstrap address.
    """
    if running(directory):
        raise Failed(f"already running on {HOST}:{port_of(directory)}")
    jars = bring_jars()
    known = port_of(directory)
    if not known:
        format_storage(directory, jars, port)
    elif port not in (0, known):
        raise Failed(f"{directory} belongs to a node on port {known}: leave --port away")
    port = port_of(directory)
    command = java(jars, directory, SERVER_FLAGS, "kafka.Kafka", str(settings_file(directory)))
    log = directory / "kafka.log"
    with log.open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    (directory / "kafka.pid").write_text(str(process.pid))
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers(port):
        if process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
            continue
        process.kill()
        said = log.read_bytes()[begin:].decode(errors="replace")
        raise Failed(f"Kafka did not start on port {port} (its log is {log}):\n{hint(said)}")
    return f"{HOST}:{port}"


def stop(directory: Path) -> None:
    """End the node by its process id; does nothing where it isn't running."""
    if process := running(directory):
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT_S)
    (directory / "kafka.pid").unlink(missing_ok=True)


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("command", choices=("start", "stop", "status"))
    parser.add_argument("--directory", type=Path, required=True, help="where the node lives")
    parser.add_argument("--port", type=int, default=0, help="of the first start; 0: a free one")
    options = parser.parse_args()
    directory = options.directory.resolve()
    try:
        if options.command == "start":
            print(start(directory, options.port))
        elif options.command == "stop":
            stop(directory)
        else:
            process = running(directory)
            print(f"{HOST}:{port_of(directory)} process {process.pid}" if process else "stopped")
            return 0 if process else 1
    except Missing as error:
        print(error, file=sys.stderr)
        return 2
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
