"""What the client's connection keeps for batches by hand: certificates are checked, proxies are gone through."""

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config as BotoConfig
from botocore.exceptions import ProxyConnectionError, SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from salespipe.load.batch_call import BatchWrite, Taken

REQUESTS = [b'{"PutRequest":{"Item":{"orderid":{"S":"o-1"}}}}']


class Dynamo(BaseHTTPRequestHandler):
    """Takes every batch, and keeps what it was asked for."""

    protocol_version = "HTTP/1.1"
    asked: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(f"{self.path} at {self.headers['Host']}")
        body = b'{"UnprocessedItems":{}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """A server that does not listen yet to anybody but who starts it."""
    handler = type("Handler", (Dynamo,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """One that 127.0.0.1 has signed for itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def client(endpoint: str, verify: Any = None, **config: Any) -> Any:
    session = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1")
    return session.client("dynamodb", endpoint_url=endpoint, verify=verify, config=BotoConfig(**config))


def test_over_tls_only_a_certificate_that_is_trusted_will_do(server: ThreadingHTTPServer, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    endpoint = f"https://127.0.0.1:{server.server_port}"
    trusting = client(endpoint, verify=str(certificate))
    assert BatchWrite(trusting, "t")(REQUESTS) == Taken((), 0)
    doubting = client(endpoint)
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        BatchWrite(doubting, "t")(REQUESTS)
    assert len(server.RequestHandlerClass.asked) == 1  # type: ignore[attr-defined]
    trusting.close()
    doubting.close()


def test_a_proxy_is_gone_through(server: ThreadingHTTPServer) -> None:
    proxied = client("http://dynamodb.test", proxies={"http": f"http://127.0.0.1:{server.server_port}"})
    assert BatchWrite(proxied, "t")(REQUESTS) == Taken((), 0)
    assert server.RequestHandlerClass.asked == ["http://dynamodb.test/ at dynamodb.test"]  # type: ignore[attr-defined]
    proxied.close()
    nowhere = client("http://dynamodb.test", proxies={"http": "http://127.0.0.1:9"})
    with pytest.raises(ProxyConnectionError):
        BatchWrite(nowhere, "t")(REQUESTS)
    nowhere.close()
