//! The data as lines for `roster import`.

use std::io::{Result, Write};

use roster_engine::{EntityId as _, OrganizationId, UserId};

use super::{Shape, ids};

pub fn write(out: &mut impl Write, shape: Shape) -> Result<()> {
    organization(out, ids::big(), "Big")?;
    organization(out, ids::loners(), "Loners")?;
    for number in 0..Shape::EMPTY {
        organization(out, ids::empty(number), &format!("Empty {number}"))?;
    }
    for number in 0..shape.groups() {
        organization(out, ids::group(number), &format!("Group {number}"))?;
    }
    for number in 0..shape.users() + Shape::LONERS {
        let id = ids::user(number).native();
        writeln!(out, r#"{{"type":"user","id":"{id}","email":"user{number}@example.com","name":"User {number}"}}"#)?;
    }
    for number in 0..shape.users() {
        membership(out, ids::big(), ids::user(number))?;
    }
    for number in 0..Shape::LONERS {
        membership(out, ids::loners(), shape.loner(number))?;
    }
    for group in 0..shape.groups() {
        for number in 0..Shape::MEMBERS {
            membership(out, ids::group(group), shape.member(group, number))?;
        }
    }
    Ok(())
}

fn organization(out: &mut impl Write, id: OrganizationId, name: &str) -> Result<()> {
    writeln!(out, r#"{{"type":"organization","id":"{}","name":"{name}"}}"#, id.native())
}

fn membership(out: &mut impl Write, organization: OrganizationId, user: UserId) -> Result<()> {
    let (organization, user) = (organization.native(), user.native());
    writeln!(out, r#"{{"type":"membership","organization":"{organization}","user":"{user}","roles":["member"]}}"#)
}
