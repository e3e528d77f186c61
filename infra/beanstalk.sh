#!/usr/bin/env bash
# Elastic Beanstalk, on one instance before a new version serves (.ebextensions/books.config): migrations, the service's database
# role, expired sessions. DATABASE_URL is the service's. OWNER_URL_SECRET names the secret with the owner's URL, which only this
# script reads; without it the service's role is the owner too, and migrates itself.
set -euo pipefail
if [ -n "${OWNER_URL_SECRET:-}" ]; then
    owner=$(aws secretsmanager get-secret-value --secret-id "$OWNER_URL_SECRET" --query SecretString --output text)
    DATABASE_URL=$owner python manage.py migrate --noinput
    DATABASE_SERVICE_URL=$DATABASE_URL DATABASE_URL=$owner python manage.py database_role
else
    python manage.py migrate --noinput
fi
python manage.py clearsessions
