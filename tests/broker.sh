#!/usr/bin/env bash
# The broker of the tests: deploy/services/kafka.sh, with listeners besides that want TLS and passwords.
#
#   tests/broker.sh start     prints the env lines once all of it answers
#   tests/broker.sh stop      ends it and deletes its data
#
#   KAFKA_BROKERS         plain text
#   KAFKA_TLS             TLS; wants a certificate of its clients, too
#   KAFKA_SASL_TLS        TLS, and a password by SCRAM-SHA-256, SCRAM-SHA-512 or PLAIN
#   KAFKA_SASL            a password by SCRAM, without TLS
#   KAFKA_CERTIFICATES    a folder: authority.pem; client.pem, client.key; stranger.pem, who signed nobody; and in
#                         `password` the password of the user `inkflow`
#
#   INKFLOW_RUN    where its data lies: to be set, as these are servers of a test, on ports of their own
set -euo pipefail
cd "$(dirname "$0")/.."
: "${INKFLOW_RUN:?a folder of its own}"
folder=$INKFLOW_RUN/certificates
service=deploy/services/kafka.sh

certificates() {
    mkdir -p "$folder"
    local subject=(-subj "/CN=inkflow test") new=(openssl req -x509 -newkey rsa:2048 -nodes -days 30)
    "${new[@]}" "${subject[@]}" -keyout "$folder/authority.key" -out "$folder/authority.pem"
    "${new[@]}" "${subject[@]}" -keyout "$folder/stranger.key" -out "$folder/stranger.pem"
    local who
    for who in broker client; do
        # 127.0.0.1 and no name: who asks for `localhost` must be refused.
        openssl req -newkey rsa:2048 -nodes -subj "/CN=$who" -addext "subjectAltName=IP:127.0.0.1" \
            -keyout "$folder/$who.key" -out "$folder/$who.csr"
        openssl x509 -req -in "$folder/$who.csr" -CA "$folder/authority.pem" -CAkey "$folder/authority.key" -days 30 \
            -copy_extensions copyall -out "$folder/$who.pem"
    done
    # The broker wants both in one file.
    cat "$folder/broker.key" "$folder/broker.pem" >"$folder/broker.both"
    openssl rand -hex 16 | tr -d '\n' >"$folder/password"
}

# A port, with those that are 100 to 203 higher.
free_port() {
    python3 - <<'PY'
import random, socket
while True:
    port = random.randrange(20000, 30000)
    try:
        for higher in (0, 100, 200, 201, 202, 203):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port + higher))
        break
    except OSError:
        pass
print(port)
PY
}

# Settings of a listener, by its name in small letters. A space would end a setting, hence the escapes.
settings() {
    local password port=$1
    password=$(cat "$folder/password")
    local at=127.0.0.1
    echo "listeners=PLAIN://$at:$port,CONTROLLER://$at:$((port + 100)),PROXIED://$at:$((port + 200)),TLS://$at:$((port + 201)),BOTH://$at:$((port + 202)),SASL://$at:$((port + 203))"
    echo "advertised.listeners=PLAIN://$at:$port,PROXIED://$at:$((port + 300)),TLS://$at:$((port + 201)),BOTH://$at:$((port + 202)),SASL://$at:$((port + 203))"
    echo "listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT,TLS:SSL,BOTH:SASL_SSL,SASL:SASL_PLAINTEXT"
    local name module='org.apache.kafka.common.security'
    for name in tls both; do
        echo "listener.name.$name.ssl.keystore.type=PEM listener.name.$name.ssl.keystore.location=$folder/broker.both"
        echo "listener.name.$name.ssl.truststore.type=PEM listener.name.$name.ssl.truststore.location=$folder/authority.pem"
    done
    echo "listener.name.tls.ssl.client.auth=required"
    echo "listener.name.both.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN"
    echo "listener.name.sasl.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512"
    for name in both sasl; do
        for scram in 256 512; do
            echo "listener.name.$name.scram-sha-$scram.sasl.jaas.config=$module.scram.ScramLoginModule\\u0020required;"
        done
    done
    echo "listener.name.both.plain.sasl.jaas.config=$module.plain.PlainLoginModule\\u0020required\\u0020user_inkflow=\"$password\";"
}

start() {
    local port
    certificates 2>"$folder.log" || { cat "$folder.log" >&2; exit 1; }
    port=$(free_port)
    KAFKA_CONF=$(settings "$port") KAFKA_PORT=$port $service start >/dev/null
    local password
    password=$(cat "$folder/password")
    local scram
    for scram in 256 512; do
        $service cli kafka.admin.ConfigCommand --alter --entity-type users --entity-name inkflow \
            --add-config "SCRAM-SHA-$scram=[password=$password]" >&2
    done
    $service env
    printf 'export %s\n' "KAFKA_TLS=127.0.0.1:$((port + 201))" "KAFKA_SASL_TLS=127.0.0.1:$((port + 202))" \
        "KAFKA_SASL=127.0.0.1:$((port + 203))" "KAFKA_CERTIFICATES=$folder"
}

case ${1:-} in
    start) start ;;
    stop) $service wipe ;;
    *) sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
