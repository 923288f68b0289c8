# docker build -t affekt .
# docker run -p 127.0.0.1:8700:8700 -v affekt:/data affekt
#
# EXTRAS: asr adds what writes down speech (a model is named with AFFEKT_TRANSCRIPT); without postgresql only SQLite is known.
FROM python:3.12-slim AS build
ARG EXTRAS=speech,face,postgresql
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv --without-pip /opt/affekt
COPY pyproject.toml hatch_build.py README.md LICENSE CHANGELOG.md ./
COPY src src
RUN pip --python /opt/affekt/bin/python install ".[${EXTRAS}]"

FROM python:3.12-slim
RUN pip uninstall --yes pip \
    && groupadd --gid 10001 affekt \
    && useradd --uid 10001 --gid affekt --no-create-home --home-dir /data --shell /usr/sbin/nologin affekt \
    && install --directory --owner affekt --group affekt --mode 0700 /data
COPY --from=build /opt/affekt /opt/affekt
ENV PATH=/opt/affekt/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HOME=/data/models \
    AFFEKT_HOST=0.0.0.0 \
    AFFEKT_PORT=8700 \
    AFFEKT_ACCESS=keys \
    AFFEKT_FOLDER=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8700
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8700/readyz', timeout=4)"]
ENTRYPOINT ["affekt"]
CMD ["serve"]
