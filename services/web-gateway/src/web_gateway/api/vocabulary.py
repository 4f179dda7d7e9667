"""Codes of the shared vocabularies (``anju_terms``) as fields of bodies and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from anju_terms import is_code, terms
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

# Context of the validation of what a service said. A case on record may carry a code which only a newer release knows.
ANSWERED: Final = object()
_NAME: Final = "x-vocabulary"


@dataclass(frozen=True)
class CodeOf:
    """A code of an answer: the document names the vocabulary and leaves the list open, so that a new term breaks no reader."""

    vocabulary: str

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        terms(self.vocabulary)
        return {**handler(core), _NAME: self.vocabulary}


@dataclass(frozen=True)
class OneOf:
    """A code which people send: one of the vocabulary or refused, and the document lists them."""

    vocabulary: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), "enum": list(terms(self.vocabulary)), _NAME: self.vocabulary}

    def _check(self, code: str, info: ValidationInfo) -> str:
        if info.context is not ANSWERED and not is_code(self.vocabulary, code):
            raise PydanticCustomError("not_in_list", "not a code of {vocabulary}", {"vocabulary": self.vocabulary})
        return code
