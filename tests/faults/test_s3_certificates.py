"""A bucket over https: certificates that are known, and that aren't."""

import ipaddress
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from backup_core.cancel import CancelToken
from backup_core.errors import StorageUnavailableError
from backup_core.repository.storage.s3 import S3Storage
from backup_core.repository.storage.s3_checksums import ChecksumMode
from tests.s3_server import ACCESS_KEY_ID, REGION, SECRET, endpoint, running_s3_server
from tests.storage_samples import MIB, noise, stored, streamed


BUCKET = "sealed"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that nobody knows, for loopback, and its key."""
    directory = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "store")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    dated = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    signed = dated.add_extension(names, critical=False).sign(key, hashes.SHA256())
    (directory / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return directory / "cert.pem", directory / "key.pem"


@pytest.fixture(scope="module")
def url(certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that speaks https, with a bucket."""
    cert, key = certificate
    with running_s3_server(tmp_path_factory.mktemp("s3"), "--cert", cert, "--key", key) as server:
        url = server.url.replace("http://", "https://")
        session = boto3.Session(ACCESS_KEY_ID, SECRET, region_name=REGION)
        with closing(session.client("s3", endpoint_url=url, verify=str(cert))) as client:
            client.create_bucket(Bucket=BUCKET)
        yield url


def test_an_unknown_certificate_is_refused(url: str) -> None:
    """A store whose certificate nobody vouches for gets nothing, and the error names the setting."""
    with pytest.raises(StorageUnavailableError, match="ca_file"):
        S3Storage(endpoint(url, BUCKET, attempts=1), CancelToken()).stat("users/a")


@pytest.mark.parametrize("checksum", [ChecksumMode.SHA256, ChecksumMode.NONE])
def test_a_certificate_of_our_own_is_trusted(url: str, certificate: tuple[Path, Path], checksum: ChecksumMode) -> None:
    """With the certificate given, objects of one part and of several are put and read, with checksums and without."""
    trusting = endpoint(url, BUCKET, ca_file=str(certificate[0]), checksum=checksum)
    with closing(S3Storage(trusting, CancelToken(), part_bytes=5 * MIB)) as storage:
        for size_bytes in (1000, 6 * MIB):
            storage.put(f"users/{checksum}", streamed(noise(size_bytes)))
            assert stored(storage, f"users/{checksum}") == noise(size_bytes)
        storage.delete([f"users/{checksum}", "users/other"])
