"""The filter of the station list; page and CSV read the same query string through it."""

import django_filters as df
from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import text
from stations import queries
from stations.models import Organisation, Station
from stations.states import HostKind, Service, StationLevel, StationState

SORTS = {
    "place": ("county_code", "township_code", "level", "code"),
    "name": ("name", "code"),
    "code": ("code",),
    "newest": ("-pk",),
}


class StationFilter(df.FilterSet):
    """A value that is not offered gets a sentence beside its field and filters nothing."""

    q = df.CharFilter(
        label=_("Name, code or initials"), method="by_words", widget=forms.TextInput(attrs={"type": "search"})
    )
    level = df.ChoiceFilter(label=_("Level"), choices=StationLevel.choices, empty_label=_("All"))
    state = df.ChoiceFilter(label=_("State"), choices=StationState.choices, empty_label=_("All"))
    township = df.ChoiceFilter(label=_("Township"), field_name="township_code", empty_label=_("All"))
    brand = df.ChoiceFilter(label=_("Carrier"), method="by_brand", empty_label=_("All"))
    service = df.ChoiceFilter(label=_("Service"), method="by_service", choices=Service.choices, empty_label=_("All"))
    host = df.ChoiceFilter(label=_("Host"), field_name="host_kind", choices=HostKind.choices, empty_label=_("All"))
    sort = df.ChoiceFilter(
        label=_("Sort by"),
        method="by_sort",
        empty_label=None,
        choices=(("place", _("Place")), ("name", _("Name")), ("code", _("Code")), ("newest", _("Newest first"))),
    )

    class Meta:
        model = Station
        fields: tuple[str, ...] = ()

    def __init__(self, data: object, queryset: QuerySet[Station], *, user: User) -> None:
        super().__init__(data, queryset)
        self.filters["township"].extra["choices"] = [(r.code[:9], r.name) for r in queries.townships_of(queryset)]
        carriers = Organisation.objects.visible_to(user).carriers().order_by("code")
        self.filters["brand"].extra["choices"] = list(carriers.values_list("code", "name"))

    @property
    def qs(self) -> QuerySet[Station]:
        found = super().qs
        return found if found.query.order_by else found.order_by(*SORTS["place"])

    def by_words(self, stations: QuerySet[Station], name: str, value: str) -> QuerySet[Station]:
        typed = text.clean(value)
        words = Q(name__icontains=typed) | Q(initials__contains=typed.lower())
        return stations.filter(words | Q(code__startswith=text.normal_code(typed)))

    def by_brand(self, stations: QuerySet[Station], name: str, value: str) -> QuerySet[Station]:
        return stations.filter(brands__carrier__code=value)

    def by_service(self, stations: QuerySet[Station], name: str, value: str) -> QuerySet[Station]:
        return stations.filter(services__service=value)

    def by_sort(self, stations: QuerySet[Station], name: str, value: str) -> QuerySet[Station]:
        return stations.order_by(*SORTS[value])
