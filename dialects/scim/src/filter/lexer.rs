//! Words, literals and brackets.

use super::{LENGTH_MAX, Problem};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'t> {
    Word(&'t str),
    Text(String),
    Number(&'t str),
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    /// A dot right behind a closing bracket.
    Dot,
}

#[derive(Clone, Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    peeked: Option<Token<'t>>,
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.' | '$' | '/' | '+')
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self, Problem> {
        if text.len() > LENGTH_MAX {
            return Err(Problem::new(format!("is longer than {LENGTH_MAX} bytes")));
        }
        Ok(Self { text, at: 0, peeked: None })
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&mut self) -> Result<Option<&Token<'t>>, Problem> {
        if self.peeked.is_none() {
            self.peeked = self.read()?;
        }
        Ok(self.peeked.as_ref())
    }

    pub(super) fn next(&mut self) -> Result<Option<Token<'t>>, Problem> {
        match self.peeked.take() {
            Some(token) => Ok(Some(token)),
            None => self.read(),
        }
    }

    /// Where the text goes on, after what was taken.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn read(&mut self) -> Result<Option<Token<'t>>, Problem> {
        let before = self.at;
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\r', '\n']).len();
        let Some(first) = self.rest().chars().next() else { return Ok(None) };
        match first {
            '(' => Ok(Some(self.one(Token::Open))),
            ')' => Ok(Some(self.one(Token::Close))),
            '[' => Ok(Some(self.one(Token::OpenBracket))),
            ']' => Ok(Some(self.one(Token::CloseBracket))),
            '"' => self.text().map(Some),
            '.' if before == self.at && before > 0 => Ok(Some(self.one(Token::Dot))),
            c if c.is_ascii_digit() || c == '-' => {
                let length = self.rest().find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
                let number = &self.rest()[..length.unwrap_or(self.rest().len())];
                self.at += number.len();
                if serde_json::from_str::<serde_json::Number>(number).is_err() {
                    return Err(Problem::new(format!("{number:.40} is no number")));
                }
                Ok(Some(Token::Number(number)))
            }
            c if is_word(c) => {
                let length = self.rest().find(|c| !is_word(c)).unwrap_or(self.rest().len());
                let word = &self.rest()[..length];
                self.at += length;
                Ok(Some(Token::Word(word)))
            }
            other => Err(Problem::new(format!("there is {other:?} where nothing like it can stand"))),
        }
    }

    /// A token of one byte.
    fn one(&mut self, token: Token<'t>) -> Token<'t> {
        self.at += 1;
        token
    }

    /// A JSON string.
    fn text(&mut self) -> Result<Token<'t>, Problem> {
        let rest = self.rest();
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    let literal = &rest[..=at];
                    self.at += literal.len();
                    let text: String = serde_json::from_str(literal)
                        .map_err(|_| Problem::new(format!("{literal:.40} is no JSON string")))?;
                    return Ok(Token::Text(text));
                }
                _ => {}
            }
        }
        Err(Problem::new("a text is not closed"))
    }
}
