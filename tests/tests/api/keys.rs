//! The keys of an account, made by several at once and while its plan changes.

use futures::future::{join, join_all};
use sfm::commands::{account, key};
use sfm_core::plan::Plan;
use sfm_core::scope::Scope;
use sfm_store::accounts::{AccountChange, MAX_KEYS};
use sfm_tests::target::Target;

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_at_most_its_number_of_keys_however_many_are_made_at_once() {
    let Some(service) = Target::local("it makes a hundred keys").await else { return };
    let customer = service.customer().await;
    let platform = service.stack.operator_platform();
    let make = || key::create(&platform, customer.account, vec![Scope::FaxesRead], false);
    // The customer has one.
    for _ in 1..MAX_KEYS - 5 {
        make().await.unwrap();
    }
    let mut made = join_all((0..28).map(|_| make())).await.into_iter().filter(Result::is_ok).count();
    // On a busy machine some of them have waited for the others in vain.
    let refusal = loop {
        match make().await {
            Ok(_) => made += 1,
            Err(refusal) => break refusal,
        }
    };
    assert!(refusal.to_string().contains(&format!("at most {MAX_KEYS} keys")), "{refusal}");
    assert_eq!(made, 5);
    let downgrade = AccountChange { plan: Some(Plan::Pro), ..AccountChange::default() };
    account::update(&platform, customer.account, downgrade).await.expect("a change of plan fits all keys");
    assert_eq!(customer.client.get("/v1/faxes").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_made_while_the_plan_changes_has_the_new_plan() {
    let Some(service) = Target::local("it races a hundred times").await else { return };
    let customer = service.customer().await;
    let platform = service.stack.operator_platform();
    for round in 0..25 {
        let plan = if round % 2 == 0 { Plan::Pro } else { Plan::Business };
        let change = account::update(&platform, customer.account, AccountChange { plan: Some(plan), ..AccountChange::default() });
        let keys = join_all((0..3).map(|_| key::create(&platform, customer.account, vec![Scope::FaxesRead], false)));
        let (changed, keys) = join(change, keys).await;
        changed.unwrap();
        for made in keys {
            let client = service.client(&made.unwrap().key);
            let expected = if plan == Plan::Pro { 403 } else { 200 };
            assert_eq!(client.get("/v1/faxes").await.status, expected, "round {round}");
        }
    }
}
