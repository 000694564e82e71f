"""trace_json.py - a line of JSON as the line of text that it stands for."""


def of_server(who):
    """Is this the label of one of the server's threads?"""
    return who.startswith(("server", "thread", "worker"))


def outcome(kind, call, args):
    """Returns the text of an event of JSON, without its label."""
    end = f"fd:{args.get('fd')}"
    if "client" in args:
        end += f" ({args['client']})"
    peer = "client" + end if "client" in args else end
    subject = call
    if of_server(args["who"]) and call in ("recv", "send"):
        subject = f"{call} {'from' if call == 'recv' else 'to'} {peer},"
    size, asked = args.get("bytes"), args.get("asked")
    if kind in ("again", "error"):
        part = f", {size} of {asked} bytes sent" if asked else ""
        return f"{subject} {args['error']}{part}"
    if kind == "send":
        part = f" of {asked}" if asked is not None and size < asked else ""
        msg = f", msg:{args['msg']}" if "msg" in args else ""
        return f"{subject} {size}{part} bytes{msg}"
    if kind == "ctl":
        error = f" {args['error']}" if "error" in args else ""
        return f"{call} {args['op']} {end} events:{args['events']}{error}"
    texts = {
        "listen": f"{call} {end}", "connect": f"{call} {end}",
        "wait": f"{call}...", "woke": f"{call} done, num:{args.get('num')}",
        "ready": f"  {end} {args.get('events')}",
        "submit": f"{call} {args.get('op')} {end}",
        "accept": f"=====> accept new {peer}",
        "refused": f"refuse {peer}, {args.get('remark')}",
        "recv": f"{subject} {size} bytes, msg:{args.get('msg')}",
        "eof": f"{subject} eof", "close": f"close {peer}",
        "shutdown": f"shutdown {peer}" if args.get("client") else "shutdown",
        "stop": "stop", "timer": "timer",
        "note": f"note {args.get('remark')}"}
    return texts[kind]


def read_object(said):
    """Returns (kind, text with its label, EAGAINs left out) of an object, or
    raises ValueError, TypeError, KeyError or AttributeError."""
    kind, call, args = said["cat"], said["name"], said["args"]
    again = args.get("again", 0)
    if type(again) is not int or not 0 <= again < 10 ** 18:
        raise ValueError("again is not a count")
    label = f"[{args['who']}]".ljust(10)
    return kind, f"{label} {outcome(kind, call, args)}", again
