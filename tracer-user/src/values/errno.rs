//! The names of the kernel's error numbers.
//!
//! Those that programs see are the same on x86-64 and arm64 (include/uapi/asm-generic/errno-base.h
//! and errno.h). Those from 512 on never leave the kernel (include/linux/errno.h), but functions
//! within it return them, and a tracer shows exactly these functions.

/// Error numbers from 1 on; an empty name stands for a number that is not used.
const SEEN_BY_PROGRAMS: [&str; 133] = [
    "EPERM",
    "ENOENT",
    "ESRCH",
    "EINTR",
    "EIO",
    "ENXIO",
    "E2BIG",
    "ENOEXEC",
    "EBADF",
    "ECHILD",
    "EAGAIN",
    "ENOMEM",
    "EACCES",
    "EFAULT",
    "ENOTBLK",
    "EBUSY",
    "EEXIST",
    "EXDEV",
    "ENODEV",
    "ENOTDIR",
    "EISDIR",
    "EINVAL",
    "ENFILE",
    "EMFILE",
    "ENOTTY",
    "ETXTBSY",
    "EFBIG",
    "ENOSPC",
    "ESPIPE",
    "EROFS",
    "EMLINK",
    "EPIPE",
    "EDOM",
    "ERANGE",
    "EDEADLK",
    "ENAMETOOLONG",
    "ENOLCK",
    "ENOSYS",
    "ENOTEMPTY",
    "ELOOP",
    "",
    "ENOMSG",
    "EIDRM",
    "ECHRNG",
    "EL2NSYNC",
    "EL3HLT",
    "EL3RST",
    "ELNRNG",
    "EUNATCH",
    "ENOCSI",
    "EL2HLT",
    "EBADE",
    "EBADR",
    "EXFULL",
    "ENOANO",
    "EBADRQC",
    "EBADSLT",
    "",
    "EBFONT",
    "ENOSTR",
    "ENODATA",
    "ETIME",
    "ENOSR",
    "ENONET",
    "ENOPKG",
    "EREMOTE",
    "ENOLINK",
    "EADV",
    "ESRMNT",
    "ECOMM",
    "EPROTO",
    "EMULTIHOP",
    "EDOTDOT",
    "EBADMSG",
    "EOVERFLOW",
    "ENOTUNIQ",
    "EBADFD",
    "EREMCHG",
    "ELIBACC",
    "ELIBBAD",
    "ELIBSCN",
    "ELIBMAX",
    "ELIBEXEC",
    "EILSEQ",
    "ERESTART",
    "ESTRPIPE",
    "EUSERS",
    "ENOTSOCK",
    "EDESTADDRREQ",
    "EMSGSIZE",
    "EPROTOTYPE",
    "ENOPROTOOPT",
    "EPROTONOSUPPORT",
    "ESOCKTNOSUPPORT",
    "EOPNOTSUPP",
    "EPFNOSUPPORT",
    "EAFNOSUPPORT",
    "EADDRINUSE",
    "EADDRNOTAVAIL",
    "ENETDOWN",
    "ENETUNREACH",
    "ENETRESET",
    "ECONNABORTED",
    "ECONNRESET",
    "ENOBUFS",
    "EISCONN",
    "ENOTCONN",
    "ESHUTDOWN",
    "ETOOMANYREFS",
    "ETIMEDOUT",
    "ECONNREFUSED",
    "EHOSTDOWN",
    "EHOSTUNREACH",
    "EALREADY",
    "EINPROGRESS",
    "ESTALE",
    "EUCLEAN",
    "ENOTNAM",
    "ENAVAIL",
    "EISNAM",
    "EREMOTEIO",
    "EDQUOT",
    "ENOMEDIUM",
    "EMEDIUMTYPE",
    "ECANCELED",
    "ENOKEY",
    "EKEYEXPIRED",
    "EKEYREVOKED",
    "EKEYREJECTED",
    "EOWNERDEAD",
    "ENOTRECOVERABLE",
    "ERFKILL",
    "EHWPOISON",
];

/// The first error number that only the kernel itself sees.
const FIRST_INTERNAL: u64 = 512;

/// Error numbers from 512 on.
const INTERNAL: [&str; 20] = [
    "ERESTARTSYS",
    "ERESTARTNOINTR",
    "ERESTARTNOHAND",
    "ENOIOCTLCMD",
    "ERESTART_RESTARTBLOCK",
    "EPROBE_DEFER",
    "EOPENSTALE",
    "ENOPARAM",
    "",
    "EBADHANDLE",
    "ENOTSYNC",
    "EBADCOOKIE",
    "ENOTSUPP",
    "ETOOSMALL",
    "ESERVERFAULT",
    "EBADTYPE",
    "EJUKEBOX",
    "EIOCBQUEUED",
    "ERECALLCONFLICT",
    "ENOGRACE",
];

/// The name of an error by its number, a positive one: such as `EAGAIN` of 11.
pub fn name(number: u64) -> Option<&'static str> {
    let (table, first) = if number < FIRST_INTERNAL {
        (&SEEN_BY_PROGRAMS[..], 1)
    } else {
        (&INTERNAL[..], FIRST_INTERNAL)
    };
    let position = usize::try_from(number.checked_sub(first)?).ok()?;
    table.get(position).copied().filter(|name| !name.is_empty())
}

/// The number of an error by its name, such as 11 of `EAGAIN`; also by the two names that stand
/// for another.
pub fn number(wanted: &str) -> Option<u64> {
    let wanted = match wanted {
        "EWOULDBLOCK" => "EAGAIN",
        "EDEADLOCK" => "EDEADLK",
        other => other,
    };
    let last = FIRST_INTERNAL + INTERNAL.len() as u64;
    (1..last).find(|&number| name(number) == Some(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_match() {
        for (number, expected) in [
            (1, "EPERM"),
            (11, "EAGAIN"),
            (22, "EINVAL"),
            (40, "ELOOP"),
            (42, "ENOMSG"),
            (59, "EBFONT"),
            (88, "ENOTSOCK"),
            (104, "ECONNRESET"),
            (115, "EINPROGRESS"),
            (133, "EHWPOISON"),
            (512, "ERESTARTSYS"),
            (519, "ENOPARAM"),
            (521, "EBADHANDLE"),
            (524, "ENOTSUPP"),
            (529, "EIOCBQUEUED"),
            (531, "ENOGRACE"),
        ] {
            assert_eq!(name(number), Some(expected));
            assert_eq!(super::number(expected), Some(number));
        }
        for unused in [0, 41, 58, 134, 511, 520, 532, u64::MAX] {
            assert_eq!(name(unused), None);
        }
        assert_eq!(super::number("EWOULDBLOCK"), Some(11));
        for nothing in ["", "E", "eagain", "EAGAIN "] {
            assert_eq!(super::number(nothing), None);
        }
    }

    #[test]
    fn numbers_that_programs_see_are_those_of_the_system() {
        for number in 1..=133 {
            if let Some(name) = name(number) {
                let system = nix::errno::Errno::from_raw(i32::try_from(number).unwrap());
                assert_eq!(name, format!("{system:?}"), "{number}");
            }
        }
    }
}
