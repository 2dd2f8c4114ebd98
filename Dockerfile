# The image of compose.yaml: one image, each container runs one process of the world.
FROM python:3.11-slim
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY simulators simulators
COPY clientmodule clientmodule
COPY scenarios scenarios
RUN pip install --no-cache-dir . \
 && useradd --create-home kimulator \
 && mkdir /world && chown kimulator /world
USER kimulator
WORKDIR /home/kimulator
ENV KIMULATOR_CACHE=/world/cache PYTHONUNBUFFERED=1
VOLUME /world
