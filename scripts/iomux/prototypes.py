"""prototypes.py - compiles the prototypes that the text shows.

The fence includes the headers that declare them. A prototype that differs from
the header's is a conflicting declaration, and a name that the headers do not
declare is an error. A name in capitals is a macro, which only has to exist. A
structure cannot be declared twice, so it is given another name, and each member
that the text shows is compared with the header's."""
import os
import re
import shlex
import subprocess

PROTOTYPE = re.compile(r"^[a-z][^;{}()#]*?\b(\w+)\([^;{}]*\);", re.M)
STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\};$", re.M | re.S)
FLAGS = ["-x", "c", "-std=c17", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall",
         "-Werror", "-Wno-unused"]


def members(body):
    """Returns the names of the members of a structure."""
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    declarators = [d for line in body.split(";") for d in line.split(",")]
    return [m[1] for m in (re.search(r"(\w+)\s*(\[[^]]*\]\s*)*$", d)
                           for d in declarators) if m]


def program(text):
    """Returns a C program that compiles if the fence agrees with the
    headers."""
    declared, checks = [], []
    for match in PROTOTYPE.finditer(text):
        name = match[1]
        if name.isupper():
            declared += [f"#ifndef {name}", f"#error there is no macro {name}",
                         "#endif"]
            text = text.replace(match[0], "")
        else:
            declared.append(f"static void uses_{name}(void) "
                            f"{{ (void)&{name}; }}")
    for name, body in STRUCT.findall(text):
        for member in members(body):
            checks.append(
                f"_Static_assert(_Generic(&((struct {name} *)0)->{member}, "
                f"__typeof__(&((struct shown_{name} *)0)->{member}): 1, "
                f'default: 0), "struct {name}: {member} has another type");')
    text = STRUCT.sub(r"struct shown_\1 {\n\2};", text)
    includes = re.findall(r"^#include .*$", text, re.M)
    return "\n".join([*includes, *declared, text, *checks, ""])


def problem(fence):
    """Compiles a fence. Returns what the compiler prints, or None if it finds
    nothing."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    run = subprocess.run([*compiler, *FLAGS, "-"], text=True, check=False,
                         input=program("\n".join(fence.body)),
                         capture_output=True)
    if run.returncode == 0:
        return None
    return "the headers have other prototypes:\n" + run.stderr.rstrip()
