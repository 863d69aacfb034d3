//! Tells the eBPF side what is read of the arguments of functions, before they get their probes.
//!
//! Functions whose tables are equal share one, so the number of tables is that of different paths
//! and registers, not of functions.

use std::collections::{BTreeSet, HashMap};

use aya::{Ebpf, maps::Array, maps::MapData};
use tracer_common::{FIELD_TABLES, FieldFunction, FieldTable};

use super::{ObjectError, controls::again};
use crate::{arch::NAMED_AT, kernel::Address, plan::function_id};

/// The tables of a loaded object.
pub struct FieldTables {
    functions: Array<MapData, FieldFunction>,
    tables: Array<MapData, FieldTable>,
    known: HashMap<FieldTable, u32>,
    filled: BTreeSet<Address>,
}

impl FieldTables {
    pub(super) fn of(ebpf: &Ebpf) -> Result<Self, ObjectError> {
        Ok(Self {
            functions: Array::try_from(again(ebpf, "FIELD_OF")?)?,
            tables: Array::try_from(again(ebpf, "FIELDS")?)?,
            known: HashMap::new(),
            filled: BTreeSet::new(),
        })
    }

    /// Whether the function that begins at `address` has fields.
    pub fn has(&self, address: Address) -> bool {
        self.filled.contains(&address)
    }

    /// Enters what is read of a function. Says whether there was room.
    pub fn put(&mut self, address: Address, table: &FieldTable) -> Result<bool, ObjectError> {
        let Some(number) = self.number(table)? else {
            return Ok(false);
        };
        // A probe names its function by any of these addresses.
        for offset in NAMED_AT {
            let function = function_id(address.plus(*offset)).0;
            if !self.put_function(function, number + 1)? {
                return Ok(false);
            }
        }
        self.filled.insert(address);
        Ok(true)
    }

    fn number(&mut self, table: &FieldTable) -> Result<Option<u32>, ObjectError> {
        if let Some(&number) = self.known.get(table) {
            return Ok(Some(number));
        }
        let number = u32::try_from(self.known.len()).unwrap_or(FIELD_TABLES);
        if number >= FIELD_TABLES {
            return Ok(None);
        }
        self.tables.set(number, table, 0)?;
        self.known.insert(*table, number);
        Ok(Some(number))
    }

    fn put_function(&mut self, function: u32, table: u32) -> Result<bool, ObjectError> {
        for attempt in 0..FieldFunction::PLACES {
            let place = FieldFunction::place(function, attempt);
            let found = self.functions.get(&place, 0)?;
            if found.table == 0 || found.function == function {
                self.functions
                    .set(place, FieldFunction { function, table }, 0)?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}
