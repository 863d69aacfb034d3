//! What a path means on this kernel: which memory is read, and how what is there reads.
//!
//! A path begins at an argument and goes from structure to structure by the kernel's own types.
//! Members of anonymous structures and unions are members of what is around them, as in C. Each
//! step that cannot be is an error with its place and the names that look like the one that was
//! typed.

use tracer_common::{FieldRead, MAX_FIELD_BYTES};

use super::{
    Types,
    accessor::{Accessor, accessor, of_common},
    cursor::{Cursor, Place, Type},
    raw::{Kind, TypeId},
};
use crate::{
    arch::{ARGUMENT_REGISTERS, REGISTER_BYTES},
    expr::{ExprError, Path, Problem, Span, Step, Word, near_names},
    model::{FieldShape, ParameterInfo, ValueType, first_argument_register},
};

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is read, in order.
    pub reads: Vec<FieldRead>,
    /// How that reads.
    pub shape: FieldShape,
}

/// The types that a path goes through.
#[derive(Clone, Copy)]
pub struct PathTypes<'a> {
    /// Those of what the function belongs to.
    pub own: &'a Types,
    /// The kernel's, where casts find what the others lack.
    pub kernel: &'a Types,
    /// What was typed, for errors.
    pub source: &'a str,
}

type Step1<T> = Result<T, Problem>;

impl PathTypes<'_> {
    /// What a path leads to from the arguments of `function`, whose type is that of `typed`.
    pub fn find(&self, function: &str, path: &Path) -> Result<Found, ExprError> {
        let (cursor, found) = self.follow(function, path)?;
        match found {
            Some(found) => Ok(found),
            None => self.end(&cursor).map_err(|problem| ExprError {
                source_text: self.source.to_owned(),
                span: path.span.clone(),
                problem,
            }),
        }
    }

    /// The names of the arguments of a function; none if it has no type.
    pub fn arguments(&self, function: &str) -> Option<Vec<String>> {
        let prototype = self.own.prototype(function)?;
        Some(prototype.parameters.into_iter().map(|it| it.name).collect())
    }

    /// The type that a function returns, as C writes it.
    pub fn returns(&self, function: &str) -> Option<String> {
        self.own.returned_type(function)
    }

    /// The members of what a path leads to, each with its type as C writes it: what can stand after
    /// the path, `->` between them. None if it is nothing that has members.
    pub fn members(
        &self,
        function: &str,
        path: &Path,
    ) -> Result<Option<Vec<(String, String)>>, ExprError> {
        let mut cursor = self.follow(function, path)?.0;
        if let Some(to) = cursor.pointee()
            && (to.is_void() || cursor.follow(to, 0).is_err())
        {
            return Ok(None);
        }
        let Some((id, Kind::Structure | Kind::Union)) = cursor.kind() else {
            return Ok(None);
        };
        let member = |name: String| {
            let found = self.own.find_member(id, name.as_bytes())?;
            let mut shown = self.own.type_name(found.type_id, 0);
            if found.width > 0 {
                shown = format!("{shown}:{}", found.width);
            }
            Some((name, shown))
        };
        let names = self.own.member_names(id).into_iter();
        Ok(Some(names.filter_map(member).collect()))
    }

    /// Follows a path; gives out what it leads to if its end is a short name.
    fn follow(
        &self,
        function: &str,
        path: &Path,
    ) -> Result<(Cursor<'_>, Option<Found>), ExprError> {
        let fail = |span: &Span, problem| ExprError {
            source_text: self.source.to_owned(),
            span: span.clone(),
            problem,
        };
        let name = &path.argument;
        let argument = self.argument(function, name);
        let mut cursor = argument.map_err(|problem| fail(&name.span, problem))?;
        let last = path.steps.len().wrapping_sub(1);
        let mut found = None;
        for (number, step) in path.steps.iter().enumerate() {
            found = self
                .step(&mut cursor, step, number == last)
                .map_err(|problem| fail(step.span(), problem))?;
        }
        Ok((cursor, found))
    }

    fn argument(&self, function: &str, name: &Word) -> Step1<Cursor<'_>> {
        let unknown = || Problem::NoPrototype(function.to_owned());
        let prototype = self.own.prototype(function).ok_or_else(unknown)?;
        let ids = self.own.parameter_types(function).ok_or_else(unknown)?;
        let mut register = first_argument_register(Some(&prototype.returns));
        let mut names = Vec::new();
        for (parameter, id) in prototype.parameters.into_iter().zip(ids) {
            let registers = ParameterInfo::from(parameter.clone()).registers as usize;
            if parameter.name == name.text {
                let on_stack = || Problem::OnStack(name.text.clone());
                if registers != 1 || register >= ARGUMENT_REGISTERS as usize {
                    return Err(on_stack());
                }
                let register = u8::try_from(register).map_err(|_| on_stack())?;
                return Ok(Cursor::new(self.own, register, id));
            }
            register += registers;
            names.push(parameter.name);
        }
        Err(Problem::NoArgument {
            function: function.to_owned(),
            name: name.text.clone(),
            near: names.into_iter().filter(|name| !name.is_empty()).collect(),
        })
    }

    /// Takes a step. A short name, if it is the last step, may be a field of its own kind.
    fn step(&self, cursor: &mut Cursor<'_>, step: &Step, is_last: bool) -> Step1<Option<Found>> {
        match step {
            Step::Member(name) => return self.member(cursor, &name.text, is_last),
            Step::Index { number, .. } => element(cursor, *number)?,
            Step::Cast { to } => {
                let is_address = match cursor.kind() {
                    None | Some((_, Kind::Pointer)) => true,
                    Some((id, Kind::Integer)) => cursor.size(id) == Some(REGISTER_BYTES),
                    _ => false,
                };
                if !is_address {
                    return Err(Problem::NoPointer(cursor.shown()));
                }
                cursor.at = Type::PointerTo(self.named(&to.text)?);
            }
            Step::Follow { .. } => {
                let to = cursor
                    .pointee()
                    .ok_or_else(|| Problem::NoPointer(cursor.shown()))?;
                cursor.follow(to, 0)?;
            }
        }
        Ok(None)
    }

    fn named(&self, name: &str) -> Step1<TypeId> {
        let (keyword, tag) = name.split_once(' ').unwrap_or(("", name));
        let fits = |kind: Kind| match keyword {
            "struct" => kind == Kind::Structure,
            "union" => kind == Kind::Union,
            _ => kind == Kind::Typedef,
        };
        let find = |types: &Types| {
            let is_it = |id: &TypeId| types.raw.get(*id).is_some_and(|entry| fits(entry.kind()));
            types.others_named(tag).find(is_it)
        };
        let found = find(self.own).or_else(|| find(self.kernel));
        found.ok_or_else(|| Problem::NoType {
            name: name.to_owned(),
            near: self.kernel.near_types(tag),
        })
    }

    fn member(&self, cursor: &mut Cursor<'_>, name: &str, is_last: bool) -> Step1<Option<Found>> {
        // Of a pointer to a structure it is a member of that.
        if let Some(to) = cursor.pointee() {
            if to.is_void() {
                return Err(Problem::Opaque(cursor.shown()));
            }
            cursor.follow(to, 0)?;
        }
        let Some((id, kind)) = cursor.kind() else {
            return Err(Problem::NoMembers(cursor.shown()));
        };
        match kind {
            Kind::Structure | Kind::Union => {}
            Kind::Forward => return Err(Problem::Opaque(cursor.shown())),
            _ => return Err(Problem::NoMembers(cursor.shown())),
        }
        if cursor.place == Place::Register {
            return Err(Problem::OnStack(cursor.shown()));
        }
        if let Some(member) = self.own.find_member(id, name.as_bytes()) {
            cursor.advance(member.type_id, member.bits, member.width);
            return Ok(None);
        }
        let tag = self.own.raw.name(id);
        if let Some(common) = of_common(&tag, name)
            && self
                .go_to(&mut cursor.clone(), &["__sk_common", &common])
                .is_ok()
        {
            self.go_to(cursor, &["__sk_common", &common])?;
            return Ok(None);
        }
        match accessor(&tag, kind, name) {
            Some(Accessor::Members(members)) => {
                self.go_to(cursor, members)?;
                Ok(None)
            }
            Some(Accessor::Text(members)) if is_last => {
                self.go_to(cursor, members)?;
                let read = cursor.text()?;
                let unknown = || Problem::Opaque(cursor.shown());
                Ok(Some(Found {
                    reads: vec![read.ok_or_else(unknown)?],
                    shape: FieldShape::Text,
                }))
            }
            Some(Accessor::Tuple(members)) if is_last => {
                self.go_to(cursor, members)?;
                self.tuple(cursor).map(Some)
            }
            _ => Err(Problem::NoMember {
                structure: cursor.shown(),
                name: name.to_owned(),
                near: near_names(name, self.own.member_names(id).iter().map(String::as_str)),
            }),
        }
    }

    fn go_to(&self, cursor: &mut Cursor<'_>, names: &[&str]) -> Step1<()> {
        for name in names {
            self.member(cursor, name, false)?;
        }
        Ok(())
    }

    /// Addresses and ports of a socket: the first 24 bytes of `struct sock_common` have them for
    /// IPv4 and say which family it is, and `skc_v6_daddr` and `skc_v6_rcv_saddr` follow one
    /// another (include/net/sock.h).
    fn tuple(&self, cursor: &Cursor<'_>) -> Step1<Found> {
        const PLACES: [(&str, u64); 5] = [
            ("skc_daddr", 0),
            ("skc_rcv_saddr", 4),
            ("skc_dport", 12),
            ("skc_num", 14),
            ("skc_family", 16),
        ];
        const HEAD: u32 = 24;
        const ADDRESSES: u32 = 32;
        let unknown = || Problem::Opaque(cursor.shown());
        let (id, _) = cursor.kind().ok_or_else(unknown)?;
        let place = |name: &str| {
            let member = self.own.find_member(id, name.as_bytes())?;
            Some(member.bits / 8)
        };
        if PLACES.iter().any(|(name, at)| place(name) != Some(*at)) {
            return Err(unknown());
        }
        let mut reads = vec![cursor.bytes(HEAD).ok_or_else(unknown)?];
        if let Some(there) = place("skc_v6_daddr")
            && place("skc_v6_rcv_saddr") == Some(there + 16)
        {
            let mut far = cursor.clone();
            far.advance(id, there * 8, 0);
            reads.push(far.bytes(ADDRESSES).ok_or_else(unknown)?);
        }
        Ok(Found {
            reads,
            shape: FieldShape::Tuple,
        })
    }

    /// What is at the end of a path.
    fn end(&self, cursor: &Cursor<'_>) -> Step1<Found> {
        let one = |read: Option<FieldRead>, shape| {
            let read = read.ok_or_else(|| Problem::Opaque(cursor.shown()))?;
            Ok(Found {
                reads: vec![read],
                shape,
            })
        };
        let Some((id, kind)) = cursor.kind() else {
            return one(cursor.number(8, 0), FieldShape::Value(ValueType::Pointer));
        };
        if let Some(to) = cursor.pointee() {
            if self.own.is_char(to) {
                return one(cursor.text()?, FieldShape::Text);
            }
            return one(cursor.number(8, 0), FieldShape::Value(ValueType::Pointer));
        }
        let Type::Known(written) = cursor.at else {
            return Err(Problem::Opaque(cursor.shown()));
        };
        match kind {
            Kind::Integer | Kind::Enum | Kind::Enum64 => {
                let value = self.own.value_type(written);
                let flags = self.flags(written, &value);
                let bytes = cursor.size(id).unwrap_or(0);
                one(cursor.number(bytes, flags), FieldShape::Value(value))
            }
            Kind::Forward | Kind::FunctionPrototype => Err(Problem::Opaque(cursor.shown())),
            _ => {
                let bytes = cursor.size(id).unwrap_or(0);
                if bytes as usize > MAX_FIELD_BYTES || bytes == 0 {
                    return Err(Problem::TooLarge {
                        name: cursor.shown(),
                        bytes,
                        most: MAX_FIELD_BYTES,
                    });
                }
                let is_text = kind == Kind::Array
                    && self
                        .own
                        .raw
                        .get(id)
                        .is_some_and(|array| self.own.is_char(array.element_type()));
                let shape = if is_text {
                    FieldShape::Characters
                } else {
                    FieldShape::Structure {
                        bytes,
                        members: self.own.leaves(id),
                    }
                };
                one(cursor.bytes(bytes), shape)
            }
        }
    }

    fn flags(&self, written: TypeId, value: &ValueType) -> u8 {
        let is_signed = matches!(
            value,
            ValueType::Signed { .. } | ValueType::Enum { signed: true, .. }
        );
        let mut flags = if is_signed { FieldRead::SIGNED } else { 0 };
        if self.own.is_network_order(written) {
            flags |= FieldRead::SWAPPED;
        }
        flags
    }
}

/// An element of an array, or of what a pointer leads to.
fn element(cursor: &mut Cursor<'_>, number: u64) -> Step1<()> {
    let beyond = || Problem::Beyond(u32::MAX);
    let array = cursor
        .kind()
        .filter(|(_, kind)| *kind == Kind::Array)
        .and_then(|(id, _)| cursor.element_of(id));
    if let Some((element, count)) = array {
        if number >= u64::from(count) && count > 0 {
            return Err(Problem::Beyond(count));
        }
        let size = u64::from(cursor.size(element).unwrap_or(0));
        let bits = number
            .checked_mul(size * 8)
            .filter(|bits| *bits < 1 << 34)
            .ok_or_else(beyond)?;
        cursor.advance(element, bits, 0);
        return Ok(());
    }
    let to = cursor
        .pointee()
        .ok_or_else(|| Problem::NoElements(cursor.shown()))?;
    let size = u64::from(cursor.size(to).unwrap_or(0));
    if size == 0 {
        return Err(Problem::Opaque(cursor.shown()));
    }
    let bytes = number
        .checked_mul(size)
        .filter(|bytes| *bytes < 1 << 31)
        .ok_or_else(beyond)?;
    cursor.follow(to, bytes)
}

impl Cursor<'_> {
    /// The type of the elements of an array, and how many there are.
    fn element_of(&self, id: TypeId) -> Option<(TypeId, u32)> {
        let array = self.types().raw.get(id)?;
        Some((array.element_type(), array.elements()))
    }
}
