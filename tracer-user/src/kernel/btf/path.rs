//! What a path means on this kernel: which memory is read, and how what is there reads.
//!
//! A path begins at an argument and goes from structure to structure by the kernel's own types.
//! Members of anonymous structures and unions are members of what is around them, as in C. Each
//! step that cannot be is an error with its place and the names that look like the one that was
//! typed.

mod end;

use tracer_common::{FieldRead, MAX_ARGUMENTS};

use super::{
    Types,
    accessor::{Accessor, accessor, of_common},
    cursor::{Cursor, Place, Type},
    raw::{Kind, TypeId},
};
use crate::{
    arch::REGISTER_BYTES,
    expr::{ExprError, Path, Problem, Span, Step, Word, near_names},
    model::{FieldShape, ParameterInfo, first_argument_register},
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

/// What becomes of a step.
type Taken<T> = Result<T, Problem>;

impl PathTypes<'_> {
    /// What a path leads to from the arguments of `function`, whose type is that of `typed`.
    pub fn find(&self, function: &str, path: &Path) -> Result<Found, ExprError> {
        let (cursor, found) = self.follow(function, path)?;
        match found {
            Some(found) => Ok(found),
            None => self
                .end(&cursor)
                .map_err(|problem| ExprError::new(self.source, path.span.clone(), problem)),
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
        let fail = |span: &Span, problem| ExprError::new(self.source, span.clone(), problem);
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

    fn argument(&self, function: &str, name: &Word) -> Taken<Cursor<'_>> {
        let unknown = || Problem::NoPrototype(function.to_owned());
        let prototype = self.own.prototype(function).ok_or_else(unknown)?;
        let ids = self.own.parameter_types(function).ok_or_else(unknown)?;
        let mut register = first_argument_register(Some(&prototype.returns));
        let mut names = Vec::new();
        for (parameter, id) in prototype.parameters.into_iter().zip(ids) {
            let registers = ParameterInfo::from(parameter.clone()).registers as usize;
            if parameter.name == name.text {
                let on_stack = || Problem::OnStack(name.text.clone());
                if registers != 1 || register >= MAX_ARGUMENTS as usize {
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
    fn step(&self, cursor: &mut Cursor<'_>, step: &Step, is_last: bool) -> Taken<Option<Found>> {
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

    fn named(&self, name: &str) -> Taken<TypeId> {
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

    fn member(&self, cursor: &mut Cursor<'_>, name: &str, is_last: bool) -> Taken<Option<Found>> {
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

    fn go_to(&self, cursor: &mut Cursor<'_>, names: &[&str]) -> Taken<()> {
        for name in names {
            self.member(cursor, name, false)?;
        }
        Ok(())
    }
}

/// An element of an array, or of what a pointer leads to.
fn element(cursor: &mut Cursor<'_>, number: u64) -> Taken<()> {
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
            .ok_or(Problem::TooFar)?;
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
        .ok_or(Problem::TooFar)?;
    cursor.follow(to, bytes)
}

impl Cursor<'_> {
    /// The type of the elements of an array, and how many there are.
    fn element_of(&self, id: TypeId) -> Option<(TypeId, u32)> {
        let array = self.types().raw.get(id)?;
        Some((array.element_type(), array.elements()))
    }
}
