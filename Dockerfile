# Node.js is needed to fetch the pages' files only, and stays behind in its stage.
FROM node:22-slim AS pages
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
WORKDIR /app
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY . .
COPY --from=pages /src/node_modules ./node_modules
# Keys of this step only: no secret may end up in an image.
RUN python -c "from config import bootstrap; bootstrap.copy_vendor()" \
    && SECRET_KEY=build FIELD_KEY=build TOKEN_PEPPER=build python -m config.prepare --assets \
    && rm -rf node_modules .local/secrets

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# For PDFs of statements: Pango for WeasyPrint, and a font with Chinese characters (common/pdf.py).
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --create-home --uid 10001 app
COPY --from=build /venv /venv
COPY --from=build --chown=app:app /app /app
WORKDIR /app
USER app
EXPOSE 8000
CMD ["gunicorn", "--config", "python:config.gunicorn", "config.wsgi"]
