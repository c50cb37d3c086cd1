"""What of the API has to do with the ledger."""

from api.ledger_ports import LedgerServices
from infra.ledger.anchors import LedgerAnchors
from infra.ledger.proofs import SealedProofs
from infra.ledger.seal_checks import SealJudge
from infra.ledger.verifier import LedgerVerifier
from infra.platform import Platform
from infra.repositories.ledger_books import PostgresLedgerBooks
from infra.repositories.ledger_seals import PostgresLedgerSeals
from infra.repositories.statements import PostgresStatements
from schema.ledger_seals import SIGNING_PURPOSE


def ledger_of(platform: Platform) -> LedgerServices:
    """Statements, verification and proofs of this installation."""
    seals, anchors = PostgresLedgerSeals(platform.database), LedgerAnchors(platform.blobs)
    judge = SealJudge([platform.vault.public_key(SIGNING_PURPOSE)])
    return LedgerServices(
        statements=PostgresStatements(platform.database),
        verification=LedgerVerifier(seals, anchors, PostgresLedgerBooks(platform.database), judge),
        proofs=SealedProofs(seals, anchors, platform.vault),
    )
