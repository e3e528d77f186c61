# syntax=docker/dockerfile:1
# The image of the service: docker build --tag books .
# The stage `local` has the local Cognito besides, for compose.yaml and no other use.

FROM python:3.11-slim-trixie AS python
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
# Whatever is written is written now: the container's root may be read-only.
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
# Amazon's own authorities, which sign the certificates of RDS and are in no system's store.
ADD --chmod=444 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /etc/ssl/certs/rds.pem
COPY --from=build /venv /venv
COPY --from=build /app /app
# A number, so that a platform can see that it is not root; it owns nothing here, and writes to /tmp only.
USER 10001:10001
ENV HOST=0.0.0.0 PORT=8000 PYTHONDONTWRITEBYTECODE=1
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=4)"]
# This process itself gets SIGTERM, and then answers what is under way (config/serve.py).
CMD ["python", "-m", "config.serve"]
