"""torchrun: starts one program in several processes of this machine.

    python -m torch.distributed.run [--nproc_per_node N] [--nnodes M --node_rank R --master_addr HOST] [--master_port P] SCRIPT [ARGUMENTS...]

Each process finds RANK, LOCAL_RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT in its environment, which is what
torch.distributed.init_process_group() reads. When one fails, the others are ended and the exit status is 1.
"""
import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import uuid

from kagari.distributed.elastic.multiprocessing.errors import ChildFailedError

__all__ = ["main", "parse_args", "run"]


def _count(text):
    """The number of processes: a number, or auto, cpu for one per core."""
    return os.cpu_count() if text in ("auto", "cpu") else int(text)


def parse_args(args=None):
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="torchrun", description="Starts a program in several processes.")

    def add(name, **options):
        parser.add_argument(f"--{name}", f"--{name.replace('_', '-')}", **options)

    add("nproc_per_node", default="1", help="processes on this machine")
    add("nnodes", default="1", help="number of machines")
    add("node_rank", default=0, type=int, help="number of this machine")
    add("master_addr", default="127.0.0.1", help="address of machine 0")
    add("master_port", default=29500, type=int, help="a free port of machine 0")
    add("standalone", action="store_true", help="one machine, any free port")
    add("rdzv_backend", default="static", help="static or c10d: both meet at --master_addr or --rdzv_endpoint")
    add("rdzv_endpoint", default="", help="host:port instead of --master_addr and --master_port")
    add("rdzv_id", default="none", help="name of the job")
    add("max_restarts", default=0, type=int, help="how often a failed job is started again")
    add("module", action="store_true", help="SCRIPT is the name of a module")
    add("no_python", action="store_true", help="SCRIPT is an executable")
    parser.add_argument("-m", dest="module", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("training_script")
    parser.add_argument("training_script_args", nargs=argparse.REMAINDER)
    return parser.parse_args(args)


def _environments(args, attempt):
    local, nodes = _count(args.nproc_per_node), int(str(args.nnodes).split(":")[-1])
    address, port = args.master_addr, args.master_port
    if args.rdzv_endpoint:
        address, _, given = args.rdzv_endpoint.partition(":")
        port = int(given or port)
    if args.standalone:
        with socket.create_server(("127.0.0.1", 0)) as free:
            address, port = "127.0.0.1", free.getsockname()[1]
    for index in range(local):
        env = {**os.environ, "LOCAL_RANK": index, "RANK": args.node_rank * local + index, "GROUP_RANK": args.node_rank, "ROLE_RANK": args.node_rank * local + index,
               "LOCAL_WORLD_SIZE": local, "WORLD_SIZE": local * nodes, "GROUP_WORLD_SIZE": nodes, "ROLE_WORLD_SIZE": local * nodes, "ROLE_NAME": "default",
               "MASTER_ADDR": address, "MASTER_PORT": port, "TORCHELASTIC_RESTART_COUNT": attempt, "TORCHELASTIC_MAX_RESTARTS": args.max_restarts,
               "TORCHELASTIC_RUN_ID": args.rdzv_id if args.rdzv_id != "none" else uuid.uuid4().hex}
        if "OMP_NUM_THREADS" not in os.environ and local > 1:
            env["OMP_NUM_THREADS"] = 1
        yield {name: str(value) for name, value in env.items()}


def run(args):
    """Starts the processes and waits for them; ChildFailedError if one fails."""
    command = [args.training_script, *args.training_script_args]
    if not args.no_python:
        command = [sys.executable, "-u", *(["-m"] if args.module else []), *command]
    for attempt in range(args.max_restarts + 1):
        processes = [subprocess.Popen(command, env=env) for env in _environments(args, attempt)]
        failures = _wait(processes)
        if not failures:
            return
    raise ChildFailedError(args.training_script, failures)


def _wait(processes):
    """{rank: exit code} of the process that failed first, after ending the others; {} if all went well."""
    try:
        while True:
            codes = [process.poll() for process in processes]
            failed = {rank: code for rank, code in enumerate(codes) if code}
            if failed or all(code == 0 for code in codes):
                return failed
            time.sleep(0.05)
    finally:
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def main(args=None):
    """The program torchrun."""
    try:
        run(parse_args(args))
    except ChildFailedError as error:
        sys.exit(f"torchrun: {error}")


if __name__ == "__main__":
    main()
