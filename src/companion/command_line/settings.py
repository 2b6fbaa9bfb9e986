"""Reading ``--set NAME=VALUE`` and ``-p NAME VALUE``."""

from collections.abc import Sequence

from companion.errors import CompanionError


def read_settings(settings: Sequence[str]) -> dict[str, str]:
    """The values of ``--set NAME=VALUE`` by name.

    Raises:
        CompanionError: no ``=``, or the same name twice.
    """
    values: dict[str, str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        name = name.strip()
        if not equals or not name:
            raise CompanionError(f"--set takes NAME=VALUE, such as per_class=5; got {setting!r}.")
        if name in values:
            raise CompanionError(f"--set gives {name!r} twice: {values[name]!r} and {value!r}. Give it once.")
        values[name] = value.strip()
    return values
