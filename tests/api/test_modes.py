"""What the server keeps is its owner's alone, also where the data directory is open to others (docs/security.md)."""

import os
import stat
import subprocess
import tempfile

from conftest import CLEAN, Server


def test_nobody_else_may_read_what_is_kept():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        os.chmod(directory, 0o755)
        server = Server(directory)
        server.start()
        try:
            server.client("ecs").create_cluster(clusterName="c")
            logs = server.client("logs")
            logs.create_log_group(logGroupName="g")
            logs.create_log_stream(logGroupName="g", logStreamName="s")
            logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": 1, "message": "m"}])
            ecr = server.client("ecr")
            ecr.create_repository(repositoryName="rr")
            token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
            subprocess.run(["curl", "-sf", "-X", "POST", "-o", os.devnull, "-H", f"Authorization: Basic {token}",
                            f"{server.url}/v2/rr/blobs/uploads/"], env=CLEAN, check=True, timeout=60)
            kept = [os.path.join(at, name) for at, folders, files in os.walk(directory) for name in folders + files]
            ours = [path for path in kept if os.path.basename(path) != "server.log"]  # the test opened that one
            assert {"state.db", "logs.db", "env", "token", "audit.log", "blobs"} <= {os.path.basename(p) for p in ours}
            assert [p for p in ours if stat.S_IMODE(os.lstat(p).st_mode) & 0o077] == []
        finally:
            server.stop()
