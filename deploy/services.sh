#!/usr/bin/env bash
# Kafka, an S3 server (MinIO) and PostgreSQL on this machine, for trying inkflow with what it meets in a cluster. No
# containers. Everything listens on 127.0.0.1, and nothing of it is meant for anybody's real records.
#
#   deploy/services.sh start     installs what is missing, starts all three, makes topics and buckets, says what is next
#   deploy/services.sh stop      cleanly; data stays
#   deploy/services.sh status    pids and memory; non-zero if one is down
#   deploy/services.sh env       the lines to `eval` in a shell: where they are, and the keys
#   deploy/services.sh wipe      stops them and deletes their data
#
#   INKFLOW_RUN     data, logs and pids          (default ~/.cache/inkflow/run)
#   INKFLOW_CACHE   programs, once built         (default ~/.cache/inkflow)
#   KAFKA_PORT, MINIO_PORT, POSTGRES_PORT        (default 9092, 9000, 5432; 0 takes a free one)
#
# The first start builds MinIO from source, which takes Go, some minutes and 2 GB of disk meanwhile; later ones take
# seconds. Linux only. The scripts of each server are in deploy/services.
set -euo pipefail
cd "$(dirname "$0")/services"

SERVICES=(kafka minio postgres)
# The topics of docs/views.md, and one for refused records. Uploads to the bucket `photos` are told in the first.
TOPICS=(submissions enrolments assignments reviews models erasures dead-letters)
PARTITIONS=3
BUCKETS=(photos inkflow-journal)

env_lines() { for service in "${SERVICES[@]}"; do "./$service.sh" env; done; }

start() {
    for service in "${SERVICES[@]}"; do
        "./$service.sh" start >/dev/null
        echo "$service is up" >&2
        # MinIO wants its target there when it starts.
        [ "$service" != kafka ] || topics
    done
    ./minio.sh bucket "${BUCKETS[@]}"
    ./minio.sh notify photos
    eval "$(env_lines)"
    cat <<-SAY

	Kafka        $KAFKA_BROKERS      topics: ${TOPICS[*]}
	S3 (MinIO)   $S3_ENDPOINT      buckets: ${BUCKETS[*]}
	PostgreSQL   $PGHOST:$PGPORT          database $PGDATABASE, user $PGUSER

	In the shell that runs inkflow:
	    eval "\$(deploy/services.sh env)"
	Then:
	    inkflow check docs/examples/services.yaml
	    inkflow run docs/examples/services.yaml
	or, with uploads as submissions, docs/examples/kafka.yaml (docs/kafka.md).
	To end them: make services-stop
	SAY
}

# Kafka's own tools start a JVM each, a second or two: only the topics that are missing are made.
topics() {
    local there topic
    eval "$(./kafka.sh env)"
    export MINIO_NOTIFY_KAFKA_ENABLE_UP=on MINIO_NOTIFY_KAFKA_TOPIC_UP=${TOPICS[0]} MINIO_NOTIFY_KAFKA_BROKERS_UP=$KAFKA_BROKERS
    there=$(./kafka.sh cli TopicCommand --list)
    for topic in "${TOPICS[@]}"; do
        grep -qx "$topic" <<<"$there" || ./kafka.sh cli TopicCommand --create --topic "$topic" --partitions "$PARTITIONS" >/dev/null
    done
}

all() { local failed=0; for service in "${SERVICES[@]}"; do "./$service.sh" "$1" || failed=1; done; return "$failed"; }

case ${1:-} in
    start) start ;;
    env) env_lines ;;
    stop | status | wipe) all "$1" ;;
    *) sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
