# The image of the service: docker build --tag books . (BuildKit, the default of Docker 23 and later)
# The stage `local` adds the local Cognito, for compose.yaml only.

# Python 3.11.17. The digest of the multi-platform index: the same bytes at every build. A new one brings fixes of the base.
FROM python:3.11-slim-trixie@sha256:45037981b62b34b44602584fccbc4d884d5f7dc92c7ee86bb38a698a79fe1e51 AS python
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app

FROM python AS build
RUN python -m venv /venv
COPY requirements/base.txt requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements/base.txt
COPY manage.py ./
COPY accounts/ accounts/
COPY books/ books/
COPY config/ config/
COPY templates/ templates/
# All files are written at build time: the container's root file system is read-only.
RUN python manage.py collectstatic --noinput --verbosity 0 && python -m compileall -q accounts books config

FROM build AS build-local
COPY requirements/local.txt requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements/local.txt
COPY local_cognito/ local_cognito/
COPY infra/cognito.yaml infra/

FROM python AS local
COPY --from=build-local /venv /venv
COPY --from=build-local /app /app
USER 10001:10001
CMD ["python", "-m", "local_cognito"]

FROM python AS service
# Certificate authorities of Amazon RDS, which no system's trust store contains. AWS changes this file: it has no fixed checksum.
ADD --chmod=444 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /etc/ssl/certs/rds.pem
COPY --from=build /venv /venv
COPY --from=build /app /app
# A numeric user id, which a platform can see is not root. It owns no file and writes to /tmp only.
# A volume that is mounted here belongs to that user (ECS copies owner and mode from a VOLUME of the image): for large imports.
RUN install --directory --owner=10001 --group=10001 --mode=700 /scratch
VOLUME /scratch
USER 10001:10001
ENV HOST=0.0.0.0 PORT=8000 PYTHONDONTWRITEBYTECODE=1
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=4)"]
# An exec form: this process receives SIGTERM and completes the requests in progress (config/graceful_stop.py).
CMD ["python", "-m", "config.serve"]
