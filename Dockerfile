# One image for every part: its first argument says which, as after `antiphon`. See docs/deployment.md.
# `--target speech` is the same with torch, for the part that runs the duplex model.

# The Python on which the tests run.
ARG PYTHON=3.11
ARG NODE=24

FROM node:${NODE}-bookworm-slim AS page
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci
COPY web ./
RUN npm run build

FROM python:${PYTHON}-slim-bookworm AS locked
WORKDIR /src
RUN python -m venv --without-pip /opt/antiphon
ENV PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
# Before our code, which changes more often. Only wheels: nothing is compiled here.
COPY requirements.lock ./
RUN pip --python /opt/antiphon/bin/python install --require-hashes --only-binary :all: -r requirements.lock

FROM locked AS locked-speech
# PyPI's torch brings CUDA's libraries; the driver's come from the machine, by the NVIDIA Container Toolkit.
COPY requirements-speech.lock ./
RUN pip --python /opt/antiphon/bin/python install --require-hashes --only-binary :all: -r requirements-speech.lock

FROM locked AS packages
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY bridge bridge
COPY gateway gateway
COPY migrations migrations
COPY personas personas
COPY services services
# The wheel carries it.
COPY --from=page /src/web/dist web/dist
RUN pip --python /opt/antiphon/bin/python install --no-deps --no-build-isolation .

FROM python:${PYTHON}-slim-bookworm AS part
LABEL org.opencontainers.image.title="Antiphon" org.opencontainers.image.licenses="Apache-2.0"
# For sound as PersonaPlex's wire has it: of the gateway to stock servers, of the duplex model to stock clients.
RUN apt-get update && apt-get install --yes --no-install-recommends libopus0 && rm -rf /var/lib/apt/lists/*
# By number, so that a cluster can see that it isn't root.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin antiphon \
    && install -d -o antiphon -g antiphon -m 700 /var/lib/antiphon
ENV PATH=/opt/antiphon/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ANTIPHON_HOME=/var/lib/antiphon
USER 10001:10001
WORKDIR /var/lib/antiphon
ENTRYPOINT ["antiphon"]
CMD ["--help"]

FROM part AS speech
# Kernels for numbers in 8 bits are compiled where they run.
USER root
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
USER 10001:10001
COPY --from=locked-speech /opt/antiphon /opt/antiphon
# Over it, so that an image with other code shares the gigabytes below.
COPY --from=packages /opt/antiphon /opt/antiphon
# The weights are fetched into the part's own folder. Of the driver it needs CUDA, and nvidia-smi to look at it.
ENV HF_HOME=/var/lib/antiphon/huggingface NVIDIA_DRIVER_CAPABILITIES=compute,utility
ENV TORCHINDUCTOR_CACHE_DIR=/var/lib/antiphon/kernels TRITON_CACHE_DIR=/var/lib/antiphon/kernels/triton

FROM part
COPY --from=packages /opt/antiphon /opt/antiphon
