"""What can be wrong with a folder of personas; each leaf has a `code`."""


class PersonaError(Exception):
    """Root of the errors of this package; the message names the file, the field and what was expected."""

    code = "persona_error"


class NoFolder(PersonaError):
    """The folder of personas is not there, or holds none."""

    code = "personas_missing"


class BadYaml(PersonaError):
    """A file is not YAML, cannot be read, or says one key twice."""

    code = "bad_yaml"


class BadField(PersonaError):
    """A field is missing, unknown, or holds what it must not."""

    code = "bad_field"


class DuplicateName(PersonaError):
    """Two personas, or two voices, carry one name."""

    code = "duplicate_name"


class UnknownVoice(PersonaError):
    """No voice has this name."""

    code = "unknown_voice"


class UnknownPersona(PersonaError):
    """No persona has this name."""

    code = "unknown_persona"


class NoDefault(PersonaError):
    """Of several personas not exactly one says `default: true`."""

    code = "no_default_persona"
