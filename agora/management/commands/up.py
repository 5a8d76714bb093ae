"""`manage.py up`: the whole platform on this machine, until Ctrl-C."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agora.lib import platform
from agora.lib.anvil import AnvilError
from agora.lib.ready import free_port
from agora.lib.supervisor import LOOK_EVERY, ServiceFailed
from agora.roles import ROLES


class Command(BaseCommand):
    help = "Run web, worker, follower, PostgreSQL, a local chain and the vendors' sandboxes, with logs by process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the web pages and the API; default 8000")
        parser.add_argument("--home", type=Path, default=settings.AGORA_HOME / "up", help="where its files are kept")

    def handle(self, *args: Any, **options: Any) -> None:
        layout = platform.on_free_ports(options["home"], web_port=options["port"] or free_port(), LOG_FORMAT="console")
        self.stdout.write(f"Starting in {layout.home} …")
        try:
            with platform.running(layout, echo=True, stream=True, say=self.stdout.write) as supervisors:
                self._welcome(layout)
                while True:
                    for supervisor in supervisors:
                        supervisor.check()
                    time.sleep(LOOK_EVERY)
        except (KeyboardInterrupt, SystemExit):
            self.stdout.write("Stopped. Its files are kept: `make up` goes on where this left off.")
        except (ServiceFailed, platform.SetupFailed, AnvilError) as problem:
            raise CommandError(str(problem)) from problem

    def _welcome(self, layout: platform.Layout) -> None:
        demo = json.loads((layout.home / "demo.json").read_text())
        url = f"http://localhost:{layout.web_port}"
        stream = f"{layout.stream_url}/api/v1/events/stream"
        lines = {
            "Pages": url,
            "Console": f"{url}/admin/",
            "Customer": f"demo / {demo['passwords']['demo']}",
            "Staff": f"staff / {demo['passwords']['staff']}; second factor: {demo['totp']['staff']}",
            "Code": f"AGORA_HOME={layout.home} .venv/bin/python manage.py totp_code staff",
            "Groups": ", ".join(f"{name} / {demo['passwords'][name]}" for name in ROLES),
            "API": f'curl -H "Authorization: Bearer {demo["api_token"]}" {url}/api/v1/assets',
            "Stream": f'curl -N -H "Authorization: Bearer {demo["api_token"]}" {stream}',
            "Broker": f"{layout.broker_url}/_sandbox/log",
            "Custodian": f"{layout.custodian_url}/_sandbox/log",
            "Chain": layout.chain_url,
            "Stop": "Ctrl-C",
        }
        self.stdout.write("\n" + "\n".join(f"  {name:<10} {value}" for name, value in lines.items()) + "\n")
