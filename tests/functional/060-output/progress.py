"""What a person sees of a pull on a terminal, and how Ctrl-C ends it."""

import signal

from nautest import main, test


@test
def a_terminal_shows_each_layer_and_the_id_at_the_end(nau, registry):
    process = nau.start("pull", registry.add("layers8"), tty=True, rows=10, columns=60)
    process.expect(r"Trying to pull ")
    process.expect(r"[0-9a-f]{12} done")
    process.expect(r"[0-9a-f]{64}\r\n")
    process.wait(status=0)


@test
def a_narrow_terminal_is_no_harm(nau, registry):
    process = nau.start("pull", registry.add("layers8"), tty=True, rows=3, columns=7)
    process.expect(r"[0-9a-f]{64}\r\n")
    process.wait(status=0)


@test
def an_interrupted_pull_says_so_and_the_next_one_works(nau):
    import socket
    for number in (signal.SIGINT, signal.SIGTERM):
        with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts and never answers
            process = nau.start("pull", f"127.0.0.1:{silent.getsockname()[1]}/a/b:1")
            silent.accept()
            process.signal(number)
            process.wait(status=128 + number)
    nau("images")


main()
