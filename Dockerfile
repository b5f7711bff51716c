# Tidings from the lock file, without compilers, uv or tests in the image that runs.
FROM python:3.11-slim AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir "uv==0.13.9"
WORKDIR /opt/tidings
# Libraries first: they stay cached while only the project's own files change.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --no-install-project
COPY . .
RUN uv sync --locked --no-dev --no-editable

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/tidings --create-home tidings
COPY --from=build /opt/tidings/.venv /opt/tidings/.venv
ENV PATH="/opt/tidings/.venv/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    TIDINGS_RUNTIME__DATA_DIR=/var/lib/tidings
USER tidings
WORKDIR /var/lib/tidings
ENTRYPOINT ["tidings"]
CMD ["--help"]
