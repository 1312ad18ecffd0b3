//! Which subjects directories have links of: by domain, and by subject.

use std::collections::BTreeSet;

use roster_model::{EntityId as _, OrganizationId};

#[derive(Debug, Default)]
pub(crate) struct Links {
    by_domain: BTreeSet<(OrganizationId, i64)>,
    by_subject: BTreeSet<(i64, OrganizationId)>,
}

impl Links {
    pub(crate) fn put(&mut self, domain: OrganizationId, subject: i64) {
        self.by_domain.insert((domain, subject));
        self.by_subject.insert((subject, domain));
    }

    pub(crate) fn remove(&mut self, domain: OrganizationId, subject: i64) {
        self.by_domain.remove(&(domain, subject));
        self.by_subject.remove(&(subject, domain));
    }

    pub(crate) fn remove_subject(&mut self, subject: i64) {
        for domain in self.domains_of(subject).collect::<Vec<_>>() {
            self.remove(domain, subject);
        }
    }

    /// Returns the subjects that it had links of.
    pub(crate) fn remove_domain(&mut self, domain: OrganizationId) -> Vec<i64> {
        let subjects: Vec<i64> = self.subjects_in(domain).collect();
        for subject in &subjects {
            self.remove(domain, *subject);
        }
        subjects
    }

    pub(crate) fn has(&self, domain: OrganizationId, subject: i64) -> bool {
        self.by_domain.contains(&(domain, subject))
    }

    pub(crate) fn domains_of(&self, subject: i64) -> impl Iterator<Item = OrganizationId> + '_ {
        let (first, last) = (OrganizationId::from_raw(i64::MIN), OrganizationId::from_raw(i64::MAX));
        self.by_subject.range((subject, first)..=(subject, last)).map(|(_, domain)| *domain)
    }

    /// The raw ids of what a domain has links of.
    pub(crate) fn subjects_in(&self, domain: OrganizationId) -> impl Iterator<Item = i64> + '_ {
        self.by_domain.range((domain, i64::MIN)..=(domain, i64::MAX)).map(|(_, subject)| *subject)
    }

    /// All links as domain and subject.
    pub(crate) fn all(&self) -> &BTreeSet<(OrganizationId, i64)> {
        &self.by_domain
    }
}
