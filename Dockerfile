# One image for every mailweir service: `docker run mailweir gateway`, `... sink`, and so on.
FROM python:3.12-slim AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/mailweir
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY schemas schemas
COPY connectors connectors
COPY sinks sinks
COPY dashboards dashboards
COPY streams streams
RUN /opt/mailweir/bin/pip install --constraint constraints.txt . \
    && /opt/mailweir/bin/python -m streams.compile \
    && chmod -R a+rwX /opt/mailweir/lib/python3.12/site-packages/streams/core/__pycache__

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /var/lib/mailweir mailweir \
    && install --directory --owner mailweir --group mailweir /var/lib/mailweir
COPY --from=build /opt/mailweir /opt/mailweir
COPY deploy/healthcheck.py /opt/mailweir/healthcheck.py
ENV PATH=/opt/mailweir/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MAILWEIR_HOST=0.0.0.0 \
    MAILWEIR_DATA=/var/lib/mailweir \
    MAILWEIR_CONFIG=/etc/mailweir/mailweir.yaml
WORKDIR /var/lib/mailweir
USER mailweir
# Gateway, console, and the health and metrics port of the workers.
EXPOSE 8610 8600 8620
ENTRYPOINT ["mailweir"]
CMD ["--help"]
