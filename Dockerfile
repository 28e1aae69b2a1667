# syntax=docker/dockerfile:1
# The archive in one image: pages built by Node, a wheel built from the tree, a slim runtime.
#
#   docker build -t birdwatch .
#   docker run -p 8000:8000 -v birdwatch-media:/media birdwatch

FROM node:24-slim AS client
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY birdwatch/web ./birdwatch/web
RUN npm run build

FROM python:3.13-slim AS wheel
WORKDIR /build
COPY pyproject.toml README.md LICENSE requirements.txt requirements-dev.txt ./
# The build backend comes from the same pinned list as everything else.
RUN python -m venv /venv && python -m venv /tools \
    && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.txt \
    && /tools/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements-dev.txt
COPY birdwatch ./birdwatch
COPY --from=client /build/birdwatch/web/static/built ./birdwatch/web/static/built
RUN /tools/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /venv/bin/pip install --no-cache-dir --no-deps /wheels/birdwatch-*.whl

FROM python:3.13-slim
RUN groupadd --gid 10001 birdwatch \
    && useradd --uid 10001 --gid birdwatch --no-create-home --shell /usr/sbin/nologin birdwatch \
    && install -d -o birdwatch -g birdwatch /media
COPY --from=wheel /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    BIRDWATCH_HOME=/media \
    BIRDWATCH_HOST=0.0.0.0 \
    BIRDWATCH_PORT=8000
USER 10001:10001
WORKDIR /media
VOLUME /media
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['BIRDWATCH_PORT'] + '/healthz', timeout=4)"]
CMD ["birdwatch", "serve"]
