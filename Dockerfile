# A system with all tools to run, solve and test iomux. The course itself is not
# in it, so mount your checkout:
#
#   docker build -t iomux .
#   docker run --rm -it --cap-add=SYS_PTRACE -v "${PWD}:/iomux" iomux
#
# RELEASE  Debian's: bookworm or trixie
# LEVEL    what scripts/setup installs: learn is less, and extra is more
# USER_ID  on Linux, give your own: --build-arg USER_ID="$(id -u)"
ARG RELEASE=bookworm
FROM debian:${RELEASE}

# scripts/setup alone, so that other changes of the course do not install again.
COPY scripts/setup /opt/iomux/scripts/
COPY scripts/iomux/environment.bash scripts/iomux/environment.txt \
    /opt/iomux/scripts/iomux/
ARG LEVEL=test
RUN /opt/iomux/scripts/setup "$LEVEL" && rm -rf /var/lib/apt/lists/*

# The mounted files may belong to another user, and Git then refuses to work.
RUN git config --system --add safe.directory '*'

ARG USER_ID=1000
RUN useradd --create-home --shell /bin/bash --uid "$USER_ID" student
USER student
ENV LANG=C.UTF-8
WORKDIR /iomux
CMD ["bash"]
