"""The node table for programs: public, the same for everybody, cached an hour."""

import hashlib
import json
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import etag
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.middleware import public
from tracking.states import Node
from tracking.vocabulary import CHOSEN, rows

AN_HOUR_S = 3600


class LabelOut(serializers.Serializer):
    zh = serializers.CharField()
    en = serializers.CharField()


class EffectOut(serializers.Serializer):
    """What the node does to a parcel; null leaves it as it was."""

    rank = serializers.IntegerField(help_text="Of scans made in the same microsecond, the lower comes first.")
    state = serializers.CharField(allow_null=True, help_text="`at_station`: at_hub, at_centre or at_outlet.")
    custodian = serializers.ChoiceField(choices=["station", "actor", "carrier"], allow_null=True)
    hold = serializers.ChoiceField(choices=["set", "clear"], allow_null=True)
    ends_as = serializers.ChoiceField(choices=["delivered", "returned"], allow_null=True)
    cancels = serializers.BooleanField()
    only_side = serializers.CharField(allow_null=True, help_text="HANDOVER: only the taking side moves custody.")


class PartyOut(serializers.Serializer):
    type = serializers.CharField()
    party = serializers.CharField()


class EpcisOut(serializers.Serializer):
    """GS1 EPCIS 2.0. `error_reason`: no event of its own but the errorDeclaration of the one it takes back."""

    event_type = serializers.CharField(allow_null=True)
    biz_step = serializers.CharField(allow_null=True)
    disposition = serializers.CharField(allow_null=True)
    action = serializers.CharField(allow_null=True)
    parent = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    source = PartyOut(allow_null=True)  # type: ignore[assignment]
    destination = PartyOut(allow_null=True)
    error_reason = serializers.CharField(allow_null=True)


class WechatOut(serializers.Serializer):
    action_type = serializers.IntegerField(allow_null=True)
    shop_status = serializers.IntegerField(allow_null=True)


class AftershipOut(serializers.Serializer):
    tag = serializers.CharField(allow_null=True)
    subtag = serializers.CharField(allow_null=True)


class UnifiedOut(serializers.Serializer):
    status = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)


class NodeOut(serializers.Serializer):
    node = serializers.ChoiceField(choices=[str(node) for node in Node])
    label = LabelOut()  # type: ignore[assignment]
    effect = EffectOut()
    epcis = EpcisOut()
    wechat = WechatOut()
    kuaidi100 = serializers.ListField(child=serializers.IntegerField())
    kdniao = serializers.ListField(child=serializers.IntegerField())
    sf = serializers.ListField(child=serializers.IntegerField())
    aftership = AftershipOut()
    unified = UnifiedOut()


class VocabularyOut(serializers.Serializer):
    results = NodeOut(many=True)
    read_as = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField()),
        help_text="By system: a word that several nodes share, and the node it is read as.",
    )


@cache
def body() -> dict[str, Any]:
    """The answer; the table can't change while the process lives."""
    shared = {system: {str(code): node.value for code, node in codes.items()} for system, codes in CHOSEN.items()}
    return {"results": list(rows()), "read_as": shared}


@cache
def _tag() -> str:
    return f'"{hashlib.sha256(json.dumps(body(), sort_keys=True).encode()).hexdigest()[:32]}"'


def _etag(request: HttpRequest) -> str:
    return _tag()


@public("the names of things, no data")
@method_decorator([cache_control(public=True, max_age=AN_HOUR_S), etag(_etag)], name="get")
class Vocabulary(APIView):
    """Every node with its Chinese and English name, what it does, and its words in other systems."""

    permission_classes = (AllowAny,)
    authentication_classes = ()

    @extend_schema(operation_id="read_vocabulary", responses={200: VocabularyOut})
    def get(self, request: Request) -> Response:
        return Response(body())
