"""Temporal's remote-codec protocol over the one data converter. Fits `PayloadDecoder`."""

from google.protobuf import json_format
from temporalio.api.common.v1 import Payloads
from temporalio.converter import DataConverter, PayloadCodec

from schema.errors import SpellError


class ConverterDecoder:
    """Decodes what the Temporal UI posts."""

    def __init__(self, converter: DataConverter) -> None:
        assert converter.payload_codec is not None
        self._codec: PayloadCodec = converter.payload_codec

    async def decode(self, payloads_json: bytes) -> bytes:
        """`Payloads` as JSON, decrypted. Raises SpellError(VALIDATION_ERROR)."""
        try:
            payloads = json_format.Parse(payloads_json, Payloads())
            decoded = await self._codec.decode(payloads.payloads)
        except (json_format.ParseError, RuntimeError) as error:
            raise SpellError("VALIDATION_ERROR", f"not decodable: {error}") from error
        return json_format.MessageToJson(Payloads(payloads=decoded)).encode("utf-8")
