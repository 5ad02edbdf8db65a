"""Billing modes: checked as Alternator does, though it bills nothing."""

from typing import Any, NamedTuple

from sandbox.alternator.call import member
from sandbox.alternator.errors import ValidationError


class Throughput(NamedTuple):
    """The capacity units of a table with billing mode PROVISIONED."""

    read_capacity_units: int
    write_capacity_units: int


def parse_billing(body: dict[str, Any]) -> Throughput | None:
    """What CreateTable and UpdateTable ask for; None means PAY_PER_REQUEST.

    Raises:
        ValidationError: the mode is none, or doesn't go with the capacity units that are given or not.
    """
    mode = body.get("BillingMode", "PROVISIONED")
    if mode not in ("PAY_PER_REQUEST", "PROVISIONED"):
        # The braces are the server's own.
        raise ValidationError("Unknown BillingMode={}. Must be PAY_PER_REQUEST or PROVISIONED.")
    throughput = body.get("ProvisionedThroughput")
    if mode == "PAY_PER_REQUEST":
        if throughput is not None:
            raise ValidationError("When BillingMode=PAY_PER_REQUEST, ProvisionedThroughput cannot be specified.")
        return None
    if throughput is None:
        raise ValidationError("When BillingMode=PROVISIONED, ProvisionedThroughput must be specified.")
    return Throughput(_units(throughput, "Read"), _units(throughput, "Write"))


def _units(throughput: Any, kind: str) -> int:
    units = member(throughput, f"{kind}CapacityUnits")
    if units is None:
        raise ValidationError(
            f"provisionedThroughput.{kind.lower()}CapacityUnits is missing, when BillingMode=PROVISIONED,"
            " ProvisionedThroughput must be specified."
        )
    if not isinstance(units, int) or isinstance(units, bool):
        raise ValidationError(f"Expected integer value for attribute {kind}CapacityUnits, got: {throughput}")
    return units
