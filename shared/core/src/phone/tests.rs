use super::*;

fn parsed(text: &str) -> Result<String, BadNumber> {
    text.parse::<E164>().map(|n| n.to_string())
}

/// An example number of each kind in each region, by libphonenumber's own metadata; and whether it is one that costs more.
const EXAMPLES: &str = include_str!("examples.txt");

#[test]
fn every_example_number_of_the_world_is_taken_digit_by_digit() {
    let mut count = 0;
    for line in EXAMPLES.lines().filter(|line| !line.starts_with('#')) {
        let (number, kind) = line.split_once(' ').expect("a number and its kind");
        // Canada's 310 numbers have seven digits and are dialled within Canada alone.
        if number == "+13101234" {
            assert_eq!(parsed(number), Err(BadNumber::LocalOnly));
            continue;
        }
        assert_eq!(parsed(number).as_deref(), Ok(number), "{line}");
        let number: E164 = number.parse().expect("parsed above");
        // Global networks are costly whatever libphonenumber calls them.
        let costly =
            kind == "premium_rate" || ["+870", "+878", "+881", "+882", "+883", "+979"].iter().any(|code| number.as_str().starts_with(code));
        assert_eq!(number.is_costly(), costly, "{line}");
        assert!(!number.is_suspicious(), "{line}");
        count += 1;
    }
    assert!(count >= 1_000, "{count} examples");
}

#[test]
fn punctuation_is_tolerated_and_national_us_numbers_get_their_country() {
    let spellings = [
        "+12125551234",
        "+1 (212) 555-1234",
        "(+1) 212 555 1234",
        "212.555.1234",
        "12125551234",
        "(212) 555 1234",
        " +1/212/555-1234 ",
        "011 1 212 555 1234",
    ];
    for text in spellings {
        assert_eq!(parsed(text).as_deref(), Ok("+12125551234"), "{text}");
    }
    assert_eq!(parsed("+44 20 7946 0958").as_deref(), Ok("+442079460958"));
    assert_eq!(parsed("011 44 20 7946 0958").as_deref(), Ok("+442079460958"));
    assert_eq!(parsed("+390612345678").as_deref(), Ok("+390612345678"), "an Italian number keeps its leading zero");
}

#[test]
fn digits_after_a_plus_are_kept_also_where_the_national_part_begins_with_1() {
    for number in ["+441612345678", "+8613800138000", "+4915112345678", "+43151234567", "+33142764978", "+3212345678", "+3612345678"] {
        assert_eq!(parsed(number).as_deref(), Ok(number));
    }
}

#[test]
fn the_magic_numbers_are_possible_though_unassigned() {
    for n in 1..=9 {
        let text = format!("+1500555000{n}");
        assert_eq!(parsed(&text).as_deref(), Ok(text.as_str()));
    }
}

#[test]
fn what_is_not_surely_one_number_is_refused_with_its_reason() {
    let cases = [
        ("", BadNumber::Empty),
        ("+", BadNumber::Empty),
        ("hello", BadNumber::Character('h')),
        ("5551234", BadNumber::LocalOnly),
        ("+15551234", BadNumber::LocalOnly),
        ("1 555 1234", BadNumber::LocalOnly),
        ("976-1234", BadNumber::LocalOnly),
        ("911", BadNumber::Short),
        ("112", BadNumber::Short),
        ("+1911", BadNumber::Short),
        ("12345", BadNumber::Short),
        ("0791234567", BadNumber::NorthAmerican),
        ("0123456789", BadNumber::NorthAmerican),
        ("1111111111", BadNumber::NorthAmerican),
        ("+1111111111", BadNumber::Length(9)),
        ("+10125551234", BadNumber::NorthAmerican),
        ("+12120001234", BadNumber::NorthAmerican),
        ("+19115551234", BadNumber::NorthAmerican),
        ("+49 30 1234/56", BadNumber::Slash),
        ("+4930123456/57", BadNumber::Slash),
        ("+49 30 1234567/-8", BadNumber::Slash),
        ("2125551234/5", BadNumber::Slash),
        ("+12125551234/", BadNumber::Slash),
        ("+1212555", BadNumber::Length(6)),
        ("+1212555123456", BadNumber::Length(12)),
        ("+49 (0) 30 123456", BadNumber::TrunkInParentheses),
        ("+44 ( 0 )20 7946 0958", BadNumber::TrunkInParentheses),
        ("+49030123456", BadNumber::TrunkZero),
        ("+4402079460958", BadNumber::TrunkZero),
        ("+330123456789", BadNumber::TrunkZero),
        ("00442079460958", BadNumber::DoubleZero),
        ("02079460958", BadNumber::NotNational),
        ("84951234567", BadNumber::NotNational),
        ("+999123456789", BadNumber::Country),
        ("+0000000000", BadNumber::Country),
        ("+0493573", BadNumber::Country),
        ("+0012125551234", BadNumber::Country),
        ("+2101234567", BadNumber::Country),
        ("1-800-FLOWERS", BadNumber::Character('F')),
        ("+1212555;ext=5", BadNumber::Character(';')),
        ("++12125551234", BadNumber::Character('+')),
        ("+1 212 555 1234 x9", BadNumber::Character('x')),
        ("+1 212 555 1234 / 212 555 9999", BadNumber::TooLong),
        ("١٢٣٤٥٦٧٨٩٠", BadNumber::Character('١')),
        ("+1212\u{200b}5551234", BadNumber::Invisible(0x200b)),
        ("\u{202a}+12125551234", BadNumber::Invisible(0x202a)),
        ("+1212\t5551234", BadNumber::Invisible(9)),
        ("+1234567890123456", BadNumber::TooLong),
    ];
    for (text, reason) in cases {
        assert_eq!(parsed(text), Err(reason), "{text:?}");
    }
    assert_eq!(parsed(&"1".repeat(10_000)), Err(BadNumber::TooLong));
}

#[test]
fn premium_audiotext_and_satellite_numbers_are_known() {
    for number in ["+19005551234", "+12129761234", "+870773111632", "+881612345678", "+88213300655", "+979123456789", "+449098765432"] {
        assert!(number.parse::<E164>().expect(number).is_costly(), "{number}");
    }
    for number in ["+18005551234", "+12125559761", "+442079460958", "+80012345678", "+15005550001"] {
        assert!(!number.parse::<E164>().expect(number).is_costly(), "{number}");
    }
}

#[test]
fn what_a_carrier_tells_is_kept_digit_by_digit() {
    let told = |text| E164::from_carrier(text).map(|number| number.to_string()).ok();
    assert_eq!(told("+441612345678").as_deref(), Some("+441612345678"));
    assert_eq!(told("+15551234").as_deref(), Some("+15551234"), "odd, but it is what the network said");
    assert_eq!(told("12125551234").as_deref(), Some("+12125551234"));
    assert_eq!(told("+0123456789"), None, "no country code begins with 0");
    assert_eq!(told("anonymous"), None);
    assert_eq!(told("sip:user@example.com"), None);
}

#[test]
fn numbers_that_an_earlier_release_may_have_changed_are_told() {
    for (stored, original) in [("+44612345678", Some("+441612345678")), ("+15551234", None), ("+49030123456", None), ("+11111111", None)] {
        let number = E164::try_from(stored.to_owned()).expect("well-formed");
        assert!(number.is_suspicious(), "{stored}");
        assert_eq!(number.with_lost_digit().map(String::from).as_deref(), original, "{stored}");
    }
    for good in ["+12125551234", "+442079460958", "+8613800138000", "+15005550001"] {
        assert!(!good.parse::<E164>().expect(good).is_suspicious(), "{good}");
    }
}

#[test]
fn a_debug_print_does_not_show_the_number() {
    let number: E164 = "+12125551234".parse().expect("a number");
    assert_eq!(format!("{number:?}"), "+…34");
}

proptest::proptest! {
    /// Whatever is written, what is taken has exactly the digits that were written, or those and the country code 1.
    #[test]
    fn no_digit_is_changed_dropped_or_added_but_the_country_code(text in "\\+?[0-9 ().-]{0,20}") {
        if let Ok(number) = parsed(&text) {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let taken = &number[1..];
            let expected = if text.contains('+') { vec![digits] } else {
                vec![format!("1{digits}"), digits.clone(), digits.strip_prefix("011").unwrap_or_default().to_owned()]
            };
            proptest::prop_assert!(expected.iter().any(|digits| digits == taken), "{text} became {number}");
        }
    }
}
