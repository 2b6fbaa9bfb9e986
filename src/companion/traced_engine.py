"""papermill's own engine, with a trace of what the notebook uses around its cells."""

import ast
from typing import Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine

ENGINE = "companion"
_START = "import companion.tracing as _tracing; _companion_trace = _tracing.Trace(); del _tracing"
_REPORT = "_companion_trace.report()"
QUIET = ["--log-level=50"]  # the kernel's own log, not the notebook's: each shutdown would be told as an interrupt


class TracedClient(PapermillNotebookClient):
    """Starts a trace in the kernel before the first cell and collects its report after the last."""

    def __init__(self, nb_man: Any, used: dict[str, Any], **arguments: Any) -> None:
        super().__init__(nb_man, **arguments)
        self.used = used

    def papermill_execute_cells(self) -> None:
        """Execute all cells between the two hidden requests."""
        self._ask(_START)
        super().papermill_execute_cells()
        answer = self._ask("", {"report": _REPORT})
        self.used.update(ast.literal_eval(answer["report"]["data"]["text/plain"]))

    def _ask(self, code: str, expressions: dict[str, str] | None = None) -> dict[str, Any]:
        identity = self.kc.execute(
            code, silent=not expressions, store_history=False, user_expressions=expressions or {}
        )
        reply = self.wait_for_reply(identity)
        if reply is None or reply["content"]["status"] != "ok":
            raise RuntimeError(f"the kernel did not answer the executor's own request: {reply and reply['content']}")
        return reply["content"].get("user_expressions", {})


class TracedEngine(NBClientEngine):
    """As papermill's default engine; `used` receives the report."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 120,
        execution_timeout: int | None = None,
        used: dict[str, Any] | None = None,
        **arguments: Any,
    ) -> Any:
        client = TracedClient(
            nb_man,
            used if used is not None else {},
            timeout=execution_timeout,
            startup_timeout=start_timeout,
            kernel_name=kernel_name,
            log_output=log_output,
            extra_arguments=QUIET,
        )
        return client.execute(cwd=arguments.get("cwd"))
