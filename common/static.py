"""Static files with a hash in their name, compressed once at set-up, served by WhiteNoise."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class CompressedHashedStorage(CompressedManifestStaticFilesStorage):
    """Not strict: a page rendered before collectstatic (tests) falls back to the plain name."""

    manifest_strict = False

    def stored_name(self, name: str) -> str:
        try:
            return super().stored_name(name)
        except ValueError:  # not collected yet; Django would rather fail than link a file it can't hash
            return name
