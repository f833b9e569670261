"""Forms of the division pages."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from stations.states import RegionLevel, Terrain


class RegionFilter(forms.Form):
    q = forms.CharField(
        label=_("Name, code or initials"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    level = forms.ChoiceField(label=_("Level"), required=False, choices=[("", _("All")), *RegionLevel.choices])
    closed = forms.BooleanField(label=_("Show closed ones too"), required=False)


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        help_text=_("CSV with code, name, level, parent_code; or the archive of the national list (zip, tgz)."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.zip,.tgz,.gz"}),
    )
    edition = forms.RegexField(
        r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$",
        label=_("Edition"),
        help_text=_("The year of the list, or year and month: 2023, 2023-12."),
    )
    valid_from = forms.DateField(
        label=_("In force since"),
        required=False,
        help_text=_("Empty: 1 January of the edition's year."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    dry_run = forms.BooleanField(label=_("Trial run: say what would change, store nothing"), required=False)

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if file.size and file.size > settings.UPLOAD_MAX_BYTES:
            limit = settings.UPLOAD_MAX_BYTES // 1_048_576
            raise forms.ValidationError(_now("The file is bigger than %(limit)d MB.") % {"limit": limit})
        return file

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        edition = cleaned.get("edition")
        if edition and not cleaned.get("valid_from") and "valid_from" not in self.errors:
            try:
                cleaned["valid_from"] = date(int(edition[:4]), 1, 1)
            except ValueError:
                self.add_error("edition", _now("This is no year."))
        return cleaned


class TerrainForm(forms.Form):
    terrain = forms.ChoiceField(label=_("Terrain"), choices=Terrain.choices)
