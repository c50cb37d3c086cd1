"""Temporal's remote-codec protocol over the one data converter. Fits `PayloadDecoder`."""

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payloads
from temporalio.converter import DataConverter, PayloadCodec

from infra.payload_codec import owner_of
from schema.errors import SpellError


class ConverterDecoder:
    """Decodes what the Temporal UI posts."""

    def __init__(self, converter: DataConverter) -> None:
        assert converter.payload_codec is not None
        self._codec: PayloadCodec = converter.payload_codec

    async def decode(self, payloads_json: bytes, only_owner: str | None) -> bytes:
        """`Payloads` as JSON, decrypted.

        Args:
            payloads_json: as Temporal's UI posts it.
            only_owner: the one account whose payloads may be read; None for all.

        Raises:
            SpellError: VALIDATION_ERROR, or FORBIDDEN for a payload of another account.
        """
        try:
            payloads = json_format.Parse(payloads_json, Payloads())
            owners = {owner_of(payload) for payload in payloads.payloads} - {None}
            if only_owner is not None and owners - {only_owner}:
                raise SpellError("FORBIDDEN", "This payload belongs to another account.")
            decoded = await self._codec.decode(payloads.payloads)
        except (json_format.ParseError, ValueError, DecodeError, RuntimeError) as error:
            raise SpellError("VALIDATION_ERROR", "This is not decodable.") from error
        return json_format.MessageToJson(Payloads(payloads=decoded)).encode("utf-8")
