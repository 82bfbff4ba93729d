"""pidMode "task" on Fargate: the containers of a task see each other's processes, and nobody else's."""

from machine import served, shell

SERVE = "exec /bin/httpd -f -p 80 -h /www"


def test_containers_see_each_other(machine):
    definition = machine.register("one-tree", [
        {"name": "main", "command": shell(f"sleep 1; cat /proc/[0-9]*/cmdline > /www/new; id > /www/id; mv /www/new /www/seen; {SERVE}"),
         "dependsOn": [{"containerName": "second", "condition": "START"}]},
        {"name": "second", "command": ["/bin/sleep", "54322"]}], pidMode="task")
    arns = machine.run(definition)
    other = machine.run(machine.register("elsewhere", [{"name": "main", "command": ["/bin/sleep", "54323"]}]))
    task = machine.wait(arns, "RUNNING")[0]
    seen = served(task, "seen")
    assert "/bin/sleep\x0054322" in seen and "/pause\x00-P" in seen and "54323" not in seen
    assert served(task, "id").startswith("uid=0")
    stopped = machine.stop(arns)[0]
    assert {container["name"]: "exitCode" in container for container in stopped["containers"]} == {"main": True, "second": True}
    machine.stop(other)
