"""A journal on brokers that ask who comes: certificates of both sides, and passwords over TLS, given to librdkafka by
`journal.properties` in the configuration."""
from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Callable, Iterator

import pytest
import trustme
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from harness import StartFailed, cli, wait_for
from kafka_cluster import KafkaCluster

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kafka_security")]
DEADLINE_S = 120
USER, PASSWORD = "groundtruth", "correct horse"


def write_pem(directory: pathlib.Path, name: str, certificate: trustme.LeafCert) -> tuple[pathlib.Path, pathlib.Path]:
    """The files of the key, as PKCS#8, the only kind that Kafka reads, and of the certificates."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    files = directory / f"{name}.key", directory / f"{name}.pem"
    files[0].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files[1].write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    return files


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> pathlib.Path:
    """A directory with ca.pem, the key and certificate of the client, of the broker in one, and a foreign ca.pem."""
    directory = tmp_path_factory.mktemp("keys")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(directory / "ca.pem")
    trustme.CA().cert_pem.write_to_path(directory / "foreign.pem")
    write_pem(directory, "client", ca.issue_cert("groundtruth.example"))
    key, certificate = write_pem(directory, "broker", ca.issue_cert("127.0.0.1"))
    (directory / "broker").write_bytes(key.read_bytes() + certificate.read_bytes())
    return directory


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, keys) -> Iterator[KafkaCluster]:
    """One broker: SSL asks for a certificate, SASL_SSL for a password."""
    properties = keys / "broker.properties"
    properties.write_text(f"""
ssl.keystore.type=PEM
ssl.keystore.location={keys}/broker
ssl.truststore.type=PEM
ssl.truststore.location={keys}/ca.pem
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
  user_{USER}="{PASSWORD}";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
""")
    with KafkaCluster(1, tmp_path_factory.mktemp("kafka"), listeners=("SSL", "SASL_SSL"),
                      properties=properties) as cluster:
        admin = AdminClient(cluster.client())
        user = UserScramCredentialUpsertion(USER, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096),
                                            PASSWORD.encode())
        admin.alter_user_scram_credentials([user])[USER].result(DEADLINE_S)
        yield cluster


@pytest.fixture
def journal_by(cluster, keys, request) -> Callable[..., dict]:
    """Makes settings of a journal that is reached in one of the ways, under topics of this test."""
    prefix = re.sub("[^a-z0-9]+", "-", request.node.name) + "."

    def make(way: str, **changes: str) -> dict:
        if way == "certificate":
            listener, properties = "SSL", {"ssl.certificate.location": f"{keys}/client.pem",
                                           "ssl.key.location": f"{keys}/client.key"}
        else:
            mechanism = {"plain": "PLAIN", "scram": "SCRAM-SHA-512"}[way]
            listener, properties = "SASL_SSL", {"sasl.mechanism": mechanism, "sasl.username": USER,
                                                "sasl.password": PASSWORD}
        properties |= {"security.protocol": listener, "ssl.ca.location": f"{keys}/ca.pem"} | changes
        return {"journal": {"kind": "kafka", "brokers": cluster.brokers_of(listener), "topic_prefix": prefix,
                            "properties": {name: value for name, value in properties.items() if value}}}

    return make


@pytest.mark.parametrize("way", ["certificate", "plain"])
def test_a_journal_behind_a_lock(way, journal_by, fresh_server, make_org, tmp_path):
    settings = journal_by(way)
    server = fresh_server(settings=settings, start=False)
    read = ["--config", write_config(tmp_path, settings), "--data", str(server.data)]
    made = json.loads(cli("journal", "init", *read, "--dev", "--json").stdout)
    server.start()
    task = make_org(server).create_task(title="behind a lock")
    server.stop()

    verified = json.loads(cli("journal", "verify", *read, "--json").stdout)
    assert verified["sound"] and verified["journal"] == made["journal"]
    assert any(task["id"].encode() in cli("journal", "cat", f"tasks/{n}", *read).stdout for n in range(16))
    copied = json.loads(cli("journal", "copy", *read[:2], "--dev", "--json", "--from",
                            f"kafka:{settings['journal']['brokers']}", "--to", f"sqlite:{tmp_path / 'copy'}").stdout)
    assert copied["commits"] == verified["commits"]


def test_a_wrong_password_ends_every_command(journal_by, fresh_server, tmp_path):
    settings = journal_by("plain", **{"sasl.password": "wrong"})
    read = ["--config", write_config(tmp_path, settings), "--data", str(tmp_path / "data")]
    said = [refusal_of("init", "--dev", *read), refusal_of("verify", *read), refusal_of("cat", "tasks/0", *read)]
    server = fresh_server(settings=settings, start=False)
    server.damaged = True  # there is no journal to be looked at afterwards
    with pytest.raises(StartFailed) as ended:
        server.spawn()
        wait_for(server._ready, "the server gives up", DEADLINE_S)
    assert ended.value.code == 1
    for text in (*said, ended.value.log):
        assert "Authentication failed" in text and settings["journal"]["brokers"] in text
        assert "sasl.*" in text and PASSWORD not in text


@pytest.mark.parametrize("way,changes,problem", [
    ("plain", {"ssl.ca.location": "foreign.pem"}, "certificate verify failed"),
    ("certificate", {"ssl.certificate.location": "", "ssl.key.location": ""}, "bad certificate|certificate required"),
    ("certificate", {"security.protocol": "PLAINTEXT"}, "security.protocol"),
])
def test_who_is_not_let_in_is_told_why(way, changes, problem, journal_by, keys, tmp_path):
    settings = journal_by(way, **{name: str(keys / value) if value.endswith(".pem") else value
                                  for name, value in changes.items()})
    text = refusal_of("init", "--dev", "--config", write_config(tmp_path, settings), "--data", str(tmp_path / "data"))
    assert re.search(problem, text) and settings["journal"]["brokers"] in text


def test_scram_where_librdkafka_can(cluster, journal_by, keys, tmp_path):
    settings = journal_by("scram")
    # The user is right: this process brings a librdkafka of its own, a newer one.
    admin = AdminClient(settings["journal"]["properties"] | {"bootstrap.servers": settings["journal"]["brokers"]})
    assert admin.list_topics(timeout=DEADLINE_S).brokers
    init = ["init", "--dev", "--config", write_config(tmp_path, settings), "--data", str(tmp_path / "data")]
    if librdkafka_version() >= (2, 6, 1):
        cli("journal", *init)
        wrong = write_config(tmp_path, journal_by("scram", **{"sasl.password": "wrong"}))
        assert "Authentication failed" in refusal_of(*init, "--config", wrong)
    else:
        assert "librdkafka before 2.6.1" in refusal_of(*init)


def librdkafka_version() -> tuple[int, ...]:
    return tuple(int(part) for part in json.loads(cli("version", "--json").stdout)["libraries"]["librdkafka"].split("."))


def write_config(directory: pathlib.Path, settings: dict) -> str:
    path = directory / "config.json"
    path.write_text(json.dumps(settings))
    return str(path)


def refusal_of(*command: str) -> str:
    """What `groundtruth journal` says where it cannot get in; it ends, by itself, with 1."""
    ended = cli("journal", *command, check=False)
    assert ended.returncode == 1, ended.stderr
    return ended.stderr.decode()
