# One image for every part: its first argument says which, as after `antiphon`. See docs/deployment.md.

# The Python on which the tests run.
ARG PYTHON=3.11
ARG NODE=24

FROM node:${NODE}-bookworm-slim AS page
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci
COPY web ./
RUN npm run build

FROM python:${PYTHON}-slim-bookworm AS packages
WORKDIR /src
RUN python -m venv --without-pip /opt/antiphon
ENV PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
# Before our code, which changes more often. Only wheels: nothing is compiled here.
COPY requirements.lock ./
RUN pip --python /opt/antiphon/bin/python install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY bridge bridge
COPY gateway gateway
COPY migrations migrations
COPY personas personas
COPY services services
# The wheel carries it.
COPY --from=page /src/web/dist web/dist
RUN pip --python /opt/antiphon/bin/python install --no-deps --no-build-isolation .

FROM python:${PYTHON}-slim-bookworm
LABEL org.opencontainers.image.title="Antiphon" org.opencontainers.image.licenses="Apache-2.0"
# By number, so that a cluster can see that it isn't root.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin antiphon \
    && install -d -o antiphon -g antiphon -m 700 /var/lib/antiphon
COPY --from=packages /opt/antiphon /opt/antiphon
ENV PATH=/opt/antiphon/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ANTIPHON_HOME=/var/lib/antiphon
USER 10001:10001
WORKDIR /var/lib/antiphon
ENTRYPOINT ["antiphon"]
CMD ["--help"]
