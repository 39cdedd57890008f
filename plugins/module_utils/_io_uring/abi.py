# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Names of bits and opcodes, and layouts of structures, from include/uapi/linux/io_uring.h."""

from __future__ import annotations

import struct
import typing as t

__all__ = [
    "FEATURES",
    "OPCODES",
    "PROBE_SIZE",
    "REGISTERS",
    "SETUP_FLAGS",
    "Params",
    "iovec",
    "names_of_bits",
    "new_params",
    "parse_params",
    "parse_probe",
]

# struct io_uring_params: sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, resv[3], and
# the offsets of both rings, 40 bytes each. With NO_MMAP, the last eight bytes of each are the address of the memory.
_PARAMS = struct.Struct("=7I12x32xQ32xQ")
_IOVEC = struct.Struct("=QQ")
# struct io_uring_probe, followed by one struct io_uring_probe_op for each opcode.
_PROBE = struct.Struct("=BBH3I")
_PROBE_OP = struct.Struct("=BBHI")
_PROBE_OPS = 256
PROBE_SIZE = _PROBE.size + _PROBE_OPS * _PROBE_OP.size
_OP_SUPPORTED = 1

# By bit. io_uring_setup(2) lists the first kernel with each.
FEATURES = (
    "SINGLE_MMAP",
    "NODROP",
    "SUBMIT_STABLE",
    "RW_CUR_POS",
    "CUR_PERSONALITY",
    "FAST_POLL",
    "POLL_32BITS",
    "SQPOLL_NONFIXED",
    "EXT_ARG",
    "NATIVE_WORKERS",
    "RSRC_TAGS",
    "CQE_SKIP",
    "LINKED_FILE",
    "REG_REG_RING",
    "RECVSEND_BUNDLE",
    "MIN_TIMEOUT",
    "RW_ATTR",
    "NO_IOWAIT",
)

# By bit.
SETUP_FLAGS = {
    name: 1 << bit
    for bit, name in enumerate(
        (
            "IOPOLL",
            "SQPOLL",
            "SQ_AFF",
            "CQSIZE",
            "CLAMP",
            "ATTACH_WQ",
            "R_DISABLED",
            "SUBMIT_ALL",
            "COOP_TASKRUN",
            "TASKRUN_FLAG",
            "SQE128",
            "CQE32",
            "SINGLE_ISSUER",
            "DEFER_TASKRUN",
            "NO_MMAP",
            "REGISTERED_FD_ONLY",
            "NO_SQARRAY",
            "HYBRID_IOPOLL",
            "CQE_MIXED",
            "SQE_MIXED",
            "SQ_REWIND",
        )
    )
}

# By number.
_OPCODES = """
NOP READV WRITEV FSYNC READ_FIXED WRITE_FIXED POLL_ADD POLL_REMOVE SYNC_FILE_RANGE SENDMSG RECVMSG TIMEOUT
TIMEOUT_REMOVE ACCEPT ASYNC_CANCEL LINK_TIMEOUT CONNECT FALLOCATE OPENAT CLOSE FILES_UPDATE STATX READ WRITE
FADVISE MADVISE SEND RECV OPENAT2 EPOLL_CTL SPLICE PROVIDE_BUFFERS REMOVE_BUFFERS TEE SHUTDOWN RENAMEAT
UNLINKAT MKDIRAT SYMLINKAT LINKAT MSG_RING FSETXATTR SETXATTR FGETXATTR GETXATTR SOCKET URING_CMD SEND_ZC
SENDMSG_ZC READ_MULTISHOT WAITID FUTEX_WAIT FUTEX_WAKE FUTEX_WAITV FIXED_FD_INSTALL FTRUNCATE BIND LISTEN
RECV_ZC EPOLL_WAIT READV_FIXED WRITEV_FIXED PIPE NOP128 URING_CMD128
"""
OPCODES = tuple(_OPCODES.split())

# The operations of io_uring_register, by number.
_REGISTERS = """
BUFFERS UNREGISTER_BUFFERS FILES UNREGISTER_FILES EVENTFD UNREGISTER_EVENTFD FILES_UPDATE EVENTFD_ASYNC PROBE
PERSONALITY UNREGISTER_PERSONALITY RESTRICTIONS ENABLE_RINGS FILES2 FILES_UPDATE2 BUFFERS2 BUFFERS_UPDATE IOWQ_AFF
UNREGISTER_IOWQ_AFF IOWQ_MAX_WORKERS RING_FDS UNREGISTER_RING_FDS PBUF_RING UNREGISTER_PBUF_RING SYNC_CANCEL
FILE_ALLOC_RANGE PBUF_STATUS NAPI UNREGISTER_NAPI CLOCK CLONE_BUFFERS SEND_MSG_RING ZCRX_IFQ RESIZE_RINGS MEM_REGION
QUERY ZCRX_CTRL
"""
REGISTERS = tuple(_REGISTERS.split())


class Params(t.NamedTuple):
    """The values that the kernel wrote to struct io_uring_params."""

    sq_entries: int
    cq_entries: int
    features: int


def new_params(flags: int, *, cq_entries: int = 0, sqes: int = 0, rings: int = 0) -> bytearray:
    """Return a struct io_uring_params with ``flags``. ``sqes`` and ``rings`` are addresses for NO_MMAP."""
    return bytearray(_PARAMS.pack(0, cq_entries, flags, 0, 0, 0, 0, sqes, rings))


def iovec(address: int, size: int) -> bytearray:
    """Return a struct iovec of a 64-bit process."""
    return bytearray(_IOVEC.pack(address, size))


def parse_params(data: bytes | bytearray) -> Params:
    """Parse struct io_uring_params."""
    sq_entries, cq_entries, dummy, dummy, dummy, features, *dummy = _PARAMS.unpack_from(data)
    return Params(sq_entries, cq_entries, features)


def parse_probe(data: bytes | bytearray) -> dict[str, bool]:
    """Parse struct io_uring_probe and return opcode -> supported.

    An opcode that is newer than OPCODES is named OP_<number>. An opcode of OPCODES that the kernel does not list is not
    supported.
    """
    ops_len = _PROBE.unpack_from(data)[1]
    opcodes = dict.fromkeys(OPCODES, False)
    # Do not read beyond the end when the count is damaged.
    for index in range(min(ops_len, (len(data) - _PROBE.size) // _PROBE_OP.size)):
        op, dummy, flags, dummy = _PROBE_OP.unpack_from(data, _PROBE.size + index * _PROBE_OP.size)
        name = OPCODES[op] if op < len(OPCODES) else f"OP_{op}"
        opcodes[name] = bool(flags & _OP_SUPPORTED)
    return opcodes


def names_of_bits(value: int, names: t.Sequence[str]) -> list[str]:
    """Return the names of the bits that are set. A bit without a name is BIT_<number>."""
    bits = (bit for bit in range(value.bit_length()) if value >> bit & 1)
    return [names[bit] if bit < len(names) else f"BIT_{bit}" for bit in bits]
