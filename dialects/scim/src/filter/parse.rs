//! From text to filter.

use roster_engine::{EntityId, Form, OrganizationId, Timestamp, UserId};

use super::eval::folded;
use super::lexer::{Lexer, Token};
use super::{DEPTH_MAX, Filter, Literal, Operator, Problem, TERMS_MAX, Term, Test, ValueFilter};
use crate::schema::{Attribute, Kind, Place, Resource};

/// Parses a filter on one kind of resource. `elsewhere`: other kinds that the same filter is applied to; their attributes are
/// known, but absent here.
pub fn parse(text: &str, resource: &'static Resource, elsewhere: &[&'static Resource]) -> Result<Filter, Problem> {
    let mut parser = Parser { lexer: Lexer::new(text)?, resource, elsewhere, depth: 0, terms: 0 };
    let filter = parser.any()?;
    match parser.lexer.next()? {
        None => Ok(filter),
        Some(token) => Err(unexpected(&token)),
    }
}

/// Parses the text after `attribute[` up to the closing bracket. Also returns the rest of the text.
pub(super) fn parse_within<'t>(
    text: &'t str,
    attribute: &'static Attribute,
    resource: &'static Resource,
) -> Result<(ValueFilter, &'t str), Problem> {
    let mut parser = Parser { lexer: Lexer::new(text)?, resource, elsewhere: &[], depth: 0, terms: 0 };
    let filter = parser.any_within(attribute)?;
    match parser.lexer.next()? {
        Some(Token::CloseBracket) => Ok((filter, &text[parser.lexer.position()..])),
        Some(token) => Err(unexpected(&token)),
        None => Err(Problem::new("the bracket is not closed")),
    }
}

fn unexpected(token: &Token<'_>) -> Problem {
    let shown = match token {
        Token::Word(word) => format!("{word:.60}"),
        Token::Number(number) => format!("{number:.60}"),
        Token::Text(text) => format!("the text {text:.60?}"),
        Token::Open => String::from("("),
        Token::Close => String::from(")"),
        Token::OpenBracket => String::from("["),
        Token::CloseBracket => String::from("]"),
        Token::Dot => String::from("."),
    };
    Problem::new(format!("{shown} can't stand where it does"))
}

struct Parser<'t, 'e> {
    lexer: Lexer<'t>,
    resource: &'static Resource,
    elsewhere: &'e [&'static Resource],
    depth: usize,
    terms: usize,
}

/// A name, looked up.
enum Named {
    Here(Place, Option<&'static Attribute>),
    Elsewhere(Place, Option<&'static Attribute>),
}

fn operator(word: &str) -> Option<Operator> {
    Some(match word.to_ascii_lowercase().as_str() {
        "eq" => Operator::Eq,
        "ne" => Operator::Ne,
        "co" => Operator::Co,
        "sw" => Operator::Sw,
        "ew" => Operator::Ew,
        "gt" => Operator::Gt,
        "ge" => Operator::Ge,
        "lt" => Operator::Lt,
        "le" => Operator::Le,
        _ => return None,
    })
}

impl Parser<'_, '_> {
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Problem>) -> Result<T, Problem> {
        if self.depth == DEPTH_MAX {
            return Err(Problem::new(format!("is nested deeper than {DEPTH_MAX}")));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn is_next(&mut self, word: &str) -> Result<bool, Problem> {
        let is = matches!(self.lexer.peek()?, Some(Token::Word(next)) if next.eq_ignore_ascii_case(word));
        if is {
            self.lexer.next()?;
        }
        Ok(is)
    }

    /// Terms joined by `or`, of terms joined by `and`.
    fn joined<T>(
        &mut self,
        mut term: impl FnMut(&mut Self) -> Result<T, Problem>,
        and: fn(Vec<T>) -> T,
        or: fn(Vec<T>) -> T,
    ) -> Result<T, Problem> {
        let (mut any, mut all) = (Vec::new(), vec![term(self)?]);
        loop {
            if self.is_next("and")? {
                all.push(term(self)?);
            } else {
                let alone = all.len() == 1;
                let last = if alone { all.pop() } else { Some(and(std::mem::take(&mut all))) };
                any.extend(last);
                if !self.is_next("or")? {
                    break;
                }
                all.clear();
                all.push(term(self)?);
            }
        }
        match any.len() {
            1 => any.pop().ok_or_else(|| Problem::new("is empty")),
            _ => Ok(or(any)),
        }
    }

    fn any(&mut self) -> Result<Filter, Problem> {
        self.joined(Self::term, Filter::And, Filter::Or)
    }

    fn any_within(&mut self, attribute: &'static Attribute) -> Result<ValueFilter, Problem> {
        self.joined(|parser| parser.term_within(attribute), ValueFilter::And, ValueFilter::Or)
    }

    /// Whether a parenthesis follows, and whether it is negated.
    fn parenthesis(&mut self) -> Result<Option<bool>, Problem> {
        let mut ahead = self.lexer.clone();
        let negated = match ahead.next()? {
            Some(Token::Open) => false,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("not") => match ahead.next()? {
                Some(Token::Open) => true,
                _ => return Err(Problem::new("not needs parentheses: not (…)")),
            },
            _ => return Ok(None),
        };
        self.lexer = ahead;
        Ok(Some(negated))
    }

    fn close(&mut self) -> Result<(), Problem> {
        match self.lexer.next()? {
            Some(Token::Close) => Ok(()),
            Some(token) => Err(unexpected(&token)),
            None => Err(Problem::new("a parenthesis is not closed")),
        }
    }

    fn term(&mut self) -> Result<Filter, Problem> {
        if let Some(negated) = self.parenthesis()? {
            let inner = self.deeper(Self::any)?;
            self.close()?;
            return Ok(if negated { Filter::Not(Box::new(inner)) } else { inner });
        }
        let name = self.name()?;
        if matches!(self.lexer.peek()?, Some(Token::OpenBracket)) {
            self.lexer.next()?;
            return self.bracketed(&name);
        }
        let (place, sub, here) = match named(&name, self.resource, self.elsewhere)? {
            Named::Here(place, sub) => (place, sub, true),
            Named::Elsewhere(place, sub) => (place, sub, false),
        };
        let test = self.test(place.attribute, sub.unwrap_or(place.attribute))?;
        Ok(if here { Filter::Term(Term { place, sub, test }) } else { Filter::Absent(holds_of_nothing(&test)) })
    }

    /// Behind `name[`.
    fn bracketed(&mut self, name: &str) -> Result<Filter, Problem> {
        let (place, here) = match named(name, self.resource, self.elsewhere)? {
            Named::Here(place, None) => (place, true),
            Named::Elsewhere(place, None) => (place, false),
            Named::Here(_, Some(_)) | Named::Elsewhere(_, Some(_)) => {
                return Err(Problem::new(format!("{name:.60} has no values with parts")));
            }
        };
        if !place.attribute.is_complex() {
            return Err(Problem::new(format!("{name:.60} has no values with parts")));
        }
        let mut inner = self.deeper(|parser| parser.any_within(place.attribute))?;
        match self.lexer.next()? {
            Some(Token::CloseBracket) => {}
            Some(token) => return Err(unexpected(&token)),
            None => return Err(Problem::new("a bracket is not closed")),
        }
        // `emails[type eq "work"].value eq "x"`: one value fits both.
        if matches!(self.lexer.peek()?, Some(Token::Dot)) {
            self.lexer.next()?;
            let sub = self.name()?;
            let sub =
                place.attribute.sub(&sub).ok_or_else(|| Problem::new(format!("there is no {name:.60}.{sub:.60}")))?;
            let ends = match self.lexer.peek()? {
                None | Some(Token::Close) => true,
                Some(Token::Word(word)) => word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or"),
                Some(_) => false,
            };
            let test = if ends { Test::Present } else { self.test(place.attribute, sub)? };
            inner = ValueFilter::And(vec![inner, ValueFilter::Term(sub, test)]);
        }
        Ok(if here { Filter::Within(place, Box::new(inner)) } else { Filter::Absent(false) })
    }

    fn term_within(&mut self, attribute: &'static Attribute) -> Result<ValueFilter, Problem> {
        if let Some(negated) = self.parenthesis()? {
            let inner = self.deeper(|parser| parser.any_within(attribute))?;
            self.close()?;
            return Ok(if negated { ValueFilter::Not(Box::new(inner)) } else { inner });
        }
        let name = self.name()?;
        let unknown = || Problem::new(format!("there is no {}.{name:.60}", attribute.name));
        let sub = attribute.sub(&name).ok_or_else(unknown)?;
        Ok(ValueFilter::Term(sub, self.test(attribute, sub)?))
    }

    fn name(&mut self) -> Result<String, Problem> {
        match self.lexer.next()? {
            Some(Token::Word(word)) => Ok(word.to_owned()),
            Some(token) => Err(unexpected(&token)),
            None => Err(Problem::new("ends where an attribute is expected")),
        }
    }

    /// `of`: the attribute that `attribute` is a part of, or itself.
    fn test(&mut self, of: &'static Attribute, attribute: &'static Attribute) -> Result<Test, Problem> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(Problem::new(format!("has more than {TERMS_MAX} comparisons")));
        }
        let word = match self.lexer.next()? {
            Some(Token::Word(word)) => word,
            Some(token) => return Err(unexpected(&token)),
            None => return Err(Problem::new(format!("ends behind {}: an operator is missing", attribute.name))),
        };
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Test::Present);
        }
        let operator = operator(word).ok_or_else(|| Problem::new(format!("{word:.60} is no operator")))?;
        let Some(value) = self.lexer.next()? else {
            return Err(Problem::new(format!("ends behind {word}: a value is missing")));
        };
        let mut test = compared(attribute, operator, value)?;
        if let Some(id) = test.id(of, attribute)
            && let Some(native) = native_id(id)
        {
            *id = native;
        }
        Ok(test)
    }
}

/// Whether it is the id of a user or group.
pub(super) fn is_id(of: &Attribute, attribute: &Attribute) -> bool {
    let listed = matches!(of.name, "members" | "memberRoles" | "groups");
    of.name == "id" || (listed && (attribute.name == "value" || attribute.name == of.name))
}

/// An id in any vendor's form, as it is shown here.
fn native_id(text: &str) -> Option<String> {
    let user = Form::read_any::<UserId>(text).map(EntityId::native);
    user.or_else(|| Form::read_any::<OrganizationId>(text).map(EntityId::native))
}

/// Whether the test holds for an absent attribute.
pub(super) fn holds_of_nothing(test: &Test) -> bool {
    match test {
        Test::Present => false,
        Test::NotPresent => true,
        Test::Compare(operator, _) => *operator == Operator::Ne,
    }
}

/// What an attribute is compared by: a complex one by its value.
pub(super) fn compared_by(attribute: &'static Attribute) -> Option<&'static Attribute> {
    if attribute.is_complex() { attribute.sub("value") } else { Some(attribute) }
}

fn compared(attribute: &'static Attribute, operator: Operator, value: Token<'_>) -> Result<Test, Problem> {
    use Operator::{Eq, Ne};
    let name = attribute.name;
    if matches!(value, Token::Word(word) if word.eq_ignore_ascii_case("null")) {
        return match operator {
            Eq => Ok(Test::NotPresent),
            Ne => Ok(Test::Present),
            _ => Err(Problem::new(format!("{name} can't be compared with null that way"))),
        };
    }
    let Some(by) = compared_by(attribute) else {
        return Err(Problem::new(format!("{name} has no value of its own: name a part of it")));
    };
    let literal = match (by.kind, value) {
        (Kind::Boolean, value) => {
            let said = match value {
                Token::Word(word) => word.to_owned(),
                Token::Text(text) => text,
                other => return Err(unexpected(&other)),
            };
            let truth = if said.eq_ignore_ascii_case("true") {
                true
            } else if said.eq_ignore_ascii_case("false") {
                false
            } else {
                return Err(Problem::new(format!("{name} is true or false")));
            };
            if !matches!(operator, Eq | Ne) {
                return Err(Problem::new(format!("{name} is true or false: only eq, ne and pr can be asked of it")));
            }
            Literal::Boolean(truth)
        }
        (Kind::DateTime, Token::Text(text)) => {
            if matches!(operator, Operator::Co | Operator::Sw | Operator::Ew) {
                return Err(Problem::new(format!("{name} is a date: co, sw and ew can't be asked of it")));
            }
            let time = Timestamp::parse(&text);
            let time =
                time.ok_or_else(|| Problem::new(format!("{text:.40?} is no date such as 2026-11-22T06:00:00Z")))?;
            Literal::Time(time.as_ms())
        }
        (Kind::DateTime, _) => return Err(Problem::new(format!("{name} is compared with a date in quotes"))),
        (_, Token::Text(text)) => {
            let folded = (!by.case_exact).then(|| folded(&text));
            Literal::Text { text, folded }
        }
        (_, Token::Word(_) | Token::Number(_)) => {
            return Err(Problem::new(format!("{name} is compared with a text in quotes")));
        }
        (_, other) => return Err(unexpected(&other)),
    };
    Ok(Test::Compare(operator, literal))
}

/// Looks a name up, in this kind of resource first.
fn named(name: &str, resource: &'static Resource, elsewhere: &[&'static Resource]) -> Result<Named, Problem> {
    if let Some((place, sub)) = look_up(name, resource) {
        return Ok(Named::Here(place, sub));
    }
    let other = elsewhere.iter().find_map(|resource| look_up(name, resource));
    match other {
        Some((place, sub)) => Ok(Named::Elsewhere(place, sub)),
        None => Err(Problem::new(format!("there is no attribute {name:.120}"))),
    }
}

/// `name` or `name.sub`, with or without URN.
pub(super) fn look_up(name: &str, resource: &'static Resource) -> Option<(Place, Option<&'static Attribute>)> {
    let (urn, path) = name.split_at(resource.urn_length(name));
    let Some((head, sub)) = path.split_once('.') else { return Some((resource.place(name)?, None)) };
    let place = resource.place(&format!("{urn}{head}"))?;
    Some((place, Some(place.attribute.sub(sub)?)))
}
