"""``quietmr view``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from quietmr.cli.arguments import Flag, OptionalCount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quietmr.report.viewer.pairing import Scene
    from quietmr.report.viewer.server import ViewerServer


@dataclass(frozen=True)
class View:
    """Look at scans in the browser: before beside after, in 3-D.

    Shows the NIfTI files of a folder and pairs each scan with its denoised copy, what was removed and the noise map.
    The page is served on this machine alone (127.0.0.1) and needs no network. Ctrl-C ends it.

    For example:
      quietmr view results/
      quietmr view t1.nii.gz results/
      quietmr view before.nii.gz after.nii.gz
    """

    paths: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER [FILES ...]", help_behavior_hint="")
    ] = ()
    """Folders with NIfTI files (.nii, .nii.gz), or such files."""
    port: OptionalCount = None
    """Port of the page; a free one without it."""
    no_browser: Flag = False
    """Print the address only."""
    debug: Flag = False
    """Show the traceback of a failure."""

    def run(self, command_line: str) -> int:
        """Serve until Ctrl-C."""
        del command_line
        import sys

        from quietmr.cli.failures import UsageError
        from quietmr.report.viewer.fetch import niivue_module
        from quietmr.report.viewer.files import find
        from quietmr.report.viewer.pairing import pair
        from quietmr.report.viewer.server import ViewerServer

        if not self.paths:
            raise UsageError("Name a folder: quietmr view FOLDER.")
        if self.port is not None and not 0 < self.port < 2**16:
            raise UsageError(f"--port must be 1 to 65535, got {self.port}.")
        niivue = niivue_module()
        scenes, notes = pair(find([Path(name) for name in self.paths]))
        title = Path(self.paths[0]).resolve().name if len(self.paths) == 1 else ""
        with ViewerServer(scenes, niivue, port=self.port or 0, notes=notes, title=title) as server:
            try:
                _announce(server, scenes, notes)
                if not self.no_browser:
                    _open(server.url)
                server.serve_forever(poll_interval=0.2)
            except KeyboardInterrupt:
                # how this command ends well
                sys.stdout.write("\n")
        return 0


def _announce(server: "ViewerServer", scenes: "Sequence[Scene]", notes: "Sequence[str]") -> None:
    import os
    import sys

    sys.stderr.writelines(f"quietmr: warning: {note}\n" for note in notes)
    n_pairs = sum(1 for scene in scenes if scene.before and scene.after)
    shown = f"{len(scenes)} {'entry' if len(scenes) == 1 else 'entries'}, {n_pairs} with before and after"
    sys.stdout.write(f"{shown}\n  {server.url}\n")
    if os.environ.get("SSH_CONNECTION"):
        port = server.server_port
        sys.stdout.write(f"On your own computer, first:  ssh -L {port}:127.0.0.1:{port} THIS_MACHINE\n")
    sys.stdout.write("Ctrl-C ends it.\n")
    sys.stdout.flush()


def _open(url: str) -> None:
    """Open the address in a window, if there is a screen: a browser in the terminal cannot draw scans."""
    import os
    import sys
    import webbrowser

    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    webbrowser.open(url)
