//! `token`, `market`, `prediction`, `contract` and `price`: what was detected in a tweet.

use super::{Tree, push};
use crate::model::address::Address;
use crate::model::ids::normal_symbol;
use crate::rules::check::Check;
use crate::rules::condition::{
    ContractMatcher, Fields, MarketMatcher, Matcher, NumberRange, PredictionMatcher, Sorted, SourceSet, TokenMatcher,
};
use crate::rules::diagnostic::Diagnostic;
use crate::rules::keys::Place;
use crate::rules::names::{addresses, cased, choices, symbols};
use crate::rules::range::{Measure, range};
use crate::rules::read::{Field, Table};
use crate::rules::text;

pub(super) fn read<'a>(check: &mut Check<'a>, table: &mut Table<'a>, all: &mut Vec<Tree>) {
    if let Some(field) = table.take("token") {
        push(all, "token", field, token(check, field));
    }
    if let Some(field) = table.take("market") {
        push(all, "market", field, market(check, field));
    }
    if let Some(field) = table.take("prediction") {
        push(all, "prediction", field, prediction(check, field));
    }
    if let Some(field) = table.take("price") {
        let price = range(check, field, Measure::Price);
        push(all, "price", field, price.map(|range| Matcher::Price(Box::new(range))));
    }
}

/// `true`, or a report: `false` asks for nothing, and what must not be stands under `none`.
fn is_true(check: &mut Check<'_>, field: Field<'_>) -> Option<bool> {
    let value = field.node.value.as_bool()?;
    if !value {
        let mistake = Diagnostic::error(
            "unknown-value",
            field.node.span,
            format!("`{} = false` is not how absence is asked for", field.name),
        )
        .help(format!("write `none = [{{ {} = true }}]`", field.name));
        check.report(mistake);
    }
    Some(value)
}

/// `contract` beside the text matchers.
pub(super) fn contract<'a>(check: &mut Check<'a>, field: Field<'a>, fields: Fields) -> Option<Matcher> {
    if let Some(any) = is_true(check, field) {
        return any.then(|| Matcher::Contract(ContractMatcher { addresses: Sorted::default(), fields }));
    }
    let addresses = addresses(check, field)?;
    Some(Matcher::Contract(ContractMatcher { addresses, fields }))
}

fn empty<'a>(check: &mut Check<'a>, field: Field<'a>, table: &Table<'a>) -> bool {
    if table.is_empty() {
        let mistake = Diagnostic::error("empty-table", field.node.span, format!("`{}` asks nothing", field.name));
        check.report(mistake.help(format!("for any {name} at all write `{name} = true`", name = field.name)));
    }
    table.is_empty()
}

/// Reads a key of a table into a place; `false` when it is there and wrong.
fn into<'a, T>(
    check: &mut Check<'a>,
    table: &mut Table<'a>,
    key: &'static str,
    to: &mut T,
    read: impl FnOnce(&mut Check<'a>, Field<'a>) -> Option<T>,
) -> bool {
    let Some(field) = table.take(key) else { return true };
    let value = read(check, field);
    let read = value.is_some();
    if let Some(value) = value {
        *to = value;
    }
    read
}

fn price<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Option<NumberRange>> {
    range(check, field, Measure::Price).map(Some)
}

fn source<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<SourceSet> {
    let known = [
        ("text", SourceSet { text: true, ..SourceSet::default() }),
        ("ocr", SourceSet { ocr: true, ..SourceSet::default() }),
        ("meta", SourceSet { meta: true, ..SourceSet::default() }),
    ];
    let chosen = choices(check, field, &known)?;
    Some(chosen.into_iter().fold(SourceSet::default(), |all, one| SourceSet {
        text: all.text || one.text,
        ocr: all.ocr || one.ocr,
        meta: all.meta || one.meta,
    }))
}

fn upper(text: &str) -> String {
    normal_symbol(text).into_owned()
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}

fn as_written(text: &str) -> String {
    text.to_owned()
}

fn token<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Matcher> {
    if let Some(any) = is_true(check, field) {
        return any.then(|| Matcher::Token(Box::default()));
    }
    let Some(mut table) = field.node.as_table(Place::Token) else {
        let symbols = symbols(check, field, false)?;
        return Some(Matcher::Token(Box::new(TokenMatcher { symbols, ..TokenMatcher::default() })));
    };
    let mut token = TokenMatcher::default();
    let mut whole = !empty(check, field, &table);
    whole &= into(check, &mut table, "symbol", &mut token.symbols, |check, field| symbols(check, field, false));
    whole &= into(check, &mut table, "name", &mut token.names, text::parts);
    if let Some(field) = table.take("contract") {
        match is_true(check, field) {
            Some(any) => token.any_contract = any,
            None => match addresses(check, field) {
                Some(contracts) => token.contracts = contracts,
                None => whole = false,
            },
        }
    }
    whole &= into(check, &mut table, "chain", &mut token.chains, |check, field| cased(check, field, "\"solana\"", lower));
    whole &= into(check, &mut table, "network", &mut token.networks, networks);
    whole &= into(check, &mut table, "price", &mut token.price, price);
    whole &= into(check, &mut table, "source", &mut token.source, source);
    table.finish(check);
    whole.then(|| {
        on_one_chain(check, field, &token);
        Matcher::Token(Box::new(token))
    })
}

/// Chains whose addresses are those of EVM.
const EVM: [&str; 10] = ["ethereum", "eth", "base", "bsc", "bnb", "arbitrum", "optimism", "polygon", "avalanche", "blast"];

/// Reports contracts of which none can be on the chains that are asked for.
fn on_one_chain(check: &mut Check<'_>, field: Field<'_>, token: &TokenMatcher) {
    if token.contracts.is_empty() || token.chains.is_empty() {
        return;
    }
    let evm = token.contracts.keys().all(|contract| matches!(contract, Address::Evm(_)));
    let solana = token.contracts.keys().all(|contract| matches!(contract, Address::Solana(_)));
    let on_solana = token.chains.keys().all(|chain| matches!(&**chain, "solana" | "sol"));
    let on_evm = token.chains.keys().all(|chain| EVM.contains(&&**chain));
    let why = match (evm && on_solana, solana && on_evm) {
        (true, _) => "an address that begins with 0x is never on Solana",
        (_, true) => "an address of Solana is never on a chain of EVM",
        _ => return,
    };
    let mistake = Diagnostic::error("contradiction", field.key, "no token has this contract on this chain").label(why);
    check.report(mistake.help("correct the `chain` or the `contract`; an address alone is enough to know a token by"));
}

fn networks<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Sorted<u64>> {
    let nodes: Vec<_> = match field.node.as_list() {
        Some(items) => items.collect(),
        None => vec![field.node],
    };
    let numbers: Sorted<u64> = nodes.iter().filter_map(|node| node.as_integer().and_then(|n| u64::try_from(n).ok())).collect();
    let mut whole = !nodes.is_empty();
    for node in nodes.iter().filter(|node| node.as_integer().is_none_or(|n| n < 0)) {
        node.wrong(check, "network", "a whole number or a list of them", "8453");
        whole = false;
    }
    if nodes.is_empty() {
        let mistake = Diagnostic::error("empty-list", field.node.span, "`network` is an empty list, which nothing matches");
        check.report(mistake.help("put a number into it or remove the key"));
    }
    whole.then_some(numbers)
}

fn market<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Matcher> {
    if let Some(any) = is_true(check, field) {
        return any.then(|| Matcher::Market(Box::default()));
    }
    let Some(mut table) = field.node.as_table(Place::Market) else {
        let symbols = symbols(check, field, false)?;
        return Some(Matcher::Market(Box::new(MarketMatcher { symbols, ..MarketMatcher::default() })));
    };
    let mut market = MarketMatcher::default();
    let mut whole = !empty(check, field, &table);
    whole &= into(check, &mut table, "exchange", &mut market.exchanges, |check, field| cased(check, field, "\"binance\"", lower));
    whole &= into(check, &mut table, "symbol", &mut market.symbols, |check, field| symbols(check, field, false));
    whole &= into(check, &mut table, "base", &mut market.bases, |check, field| cased(check, field, "\"BTC\"", upper));
    whole &= into(check, &mut table, "quote", &mut market.quotes, |check, field| cased(check, field, "\"USDT\"", upper));
    whole &= into(check, &mut table, "price", &mut market.price, price);
    whole &= into(check, &mut table, "source", &mut market.source, source);
    table.finish(check);
    whole.then(|| Matcher::Market(Box::new(market)))
}

fn prediction<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Matcher> {
    if let Some(any) = is_true(check, field) {
        return any.then(|| Matcher::Prediction(Box::default()));
    }
    let mut table = field.node.table(check, "prediction", Place::Prediction, "{ title = \"election\" }")?;
    let mut prediction = PredictionMatcher::default();
    let mut whole = !empty(check, field, &table);
    whole &= into(check, &mut table, "exchange", &mut prediction.exchanges, |check, field| {
        cased(check, field, "\"polymarket\"", lower)
    });
    whole &= into(check, &mut table, "id", &mut prediction.ids, |check, field| cased(check, field, "\"0x12…\"", as_written));
    whole &= into(check, &mut table, "title", &mut prediction.titles, text::parts);
    whole &= into(check, &mut table, "price", &mut prediction.price, price);
    whole &= into(check, &mut table, "source", &mut prediction.source, source);
    table.finish(check);
    whole.then(|| Matcher::Prediction(Box::new(prediction)))
}
