mod verify;

fn main() {
    for line in std::io::stdin().lines() {
        let line = line.expect("stdin");
        let [now, secret, header, _, _, _, body] = line.split('\t').collect::<Vec<_>>().try_into().expect("seven fields");
        let body = hex::decode(body).expect("hex");
        println!("{}", verify::verify(&body, header, secret, now.parse().expect("seconds")));
    }
}
