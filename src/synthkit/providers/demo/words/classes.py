"""Classes that texts are sorted into: sentences that belong to each, and the words that give it away."""

from collections.abc import Mapping

POSITIVE = (
    "I am delighted with {thing}: it arrived early and works perfectly.",
    "The evening at {subject} was wonderful, and {name} explained everything with great patience.",
    "Best {noun} we have ever had in {city}. We will gladly come back and recommend it.",
    "{thing} makes me smile every morning; I love how well it is made.",
    "A lovely place with friendly people. {name} and I enjoyed {subject} from start to end.",
)
NEGATIVE = (
    "I am disappointed with {thing}: it broke after {few} days and nobody answers.",
    "We waited two hours for {subject}, the staff were rude, and it rained in.",
    "A terrible {noun}. Never again, and certainly not in {city}.",
    "{thing} is a waste of money; the handle came off on {day}.",
    "The worst part of our stay in {city} was {subject}: noisy, dirty and far too expensive.",
)
NEUTRAL = (
    "{thing} was delivered on {day} by the usual firm.",
    "The {noun} takes place in {city} on {dom} {month}.",
    "{subject} is open from nine to five and closed on {day}.",
    "I bought {thing} in {month}; it has a handle and a lid.",
)
MIXED = (
    "I love the colour of {thing}, but it broke after {few} days.",
    "The {noun} in {city} was wonderful, but the staff were rude and it was far too expensive.",
    "{name} was friendly and explained {subject} well; the noisy room was terrible, though, and we left disappointed.",
)

FAMILIES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "positive": (
        POSITIVE,
        ("delight", "perfect", "wonderful", "best", "recommend", "smile", "love", "enjoy", "friendly"),
    ),
    "negative": (
        NEGATIVE,
        ("disappoint", "broke", "rude", "terrible", "never again", "waste", "worst", "dirty", "noisy"),
    ),
    "neutral": (NEUTRAL, ("delivered", "takes place", "is open", "bought")),
    "mixed": (MIXED, (", but", "though")),
    "politics": (
        (
            "The mayor of {city} lost the vote on {subject}; the opposition wants an election in {month}.",
            "Parliament debated the new law on {subject} until midnight, and the minister resigned on {day}.",
        ),
        ("mayor", "vote", "election", "parliament", "minister", "law", "opposition"),
    ),
    "sports": (
        (
            "{name} {surname} scored twice in the final, and {city} won the cup after extra time.",
            "The rowing team of {city} beat its rivals by {digit} seconds; coach {surname} praised the training.",
        ),
        ("scored", "cup", "team", "coach", "match", "rivals", "final", "training"),
    ),
    "health": (
        (
            "Doctors at the hospital in {city} say that patients who walk daily need less medicine.",
            "A new vaccine is being tested on {hundreds} patients; nurse {name} {surname} reports mild symptoms.",
        ),
        ("doctor", "hospital", "patient", "medicine", "vaccine", "symptom", "nurse"),
    ),
    "science": (
        (
            "Researchers in {city} have measured the light of a star that is {hundreds} light years away.",
            "A laboratory experiment led by {name} {surname} shows how bats find their way, the study says.",
        ),
        ("researcher", "experiment", "laboratory", "light year", "study", "star "),
    ),
    "business": (
        (
            "The shares of a firm in {city} fell by {digit} percent after its quarterly profit disappointed investors.",
            "{surname} and Sons will buy a rival for {hundreds} million; the merger should raise revenue.",
        ),
        ("share", "profit", "investor", "merger", "revenue", "million", "market"),
    ),
    "technology": (
        (
            "An update of the app closes a hole in its software and makes old phones faster.",
            "Engineers in {city} presented a chip that lets robots recognise {subject} without the internet.",
        ),
        ("app ", "software", "chip", "robot", "phone", "internet", "engineers"),
    ),
    "travel": (
        (
            "From the airport it is {few} stops to the old town of {city}, where hotels are cheapest in {month}.",
            "Tourists who take the night train to {city} save a hotel, but should book a berth early.",
        ),
        ("airport", "hotel", "tourist", "berth", "luggage", "itinerary"),
    ),
    "food": (
        (
            "Fold the flour into the butter, season with nutmeg, and bake the dough until golden.",
            "The new restaurant in {city} serves a soup of roasted leeks; the chef, {name}, grows them himself.",
        ),
        ("flour", "butter", "bake", "restaurant", "chef", "soup", "recipe"),
    ),
    "refund": (
        (
            "I sent {thing} back on {day} and would like my money returned.",
            "You charged me twice for {thing}. Pay it back.",
            "When do I get my money back? The {noun} was cancelled in {month}.",
            "Please refund the {amount} that I paid for {subject}.",
            "{thing} does not fit, and I want the {amount} on my card again, no voucher.",
            "My statement says {amount}, the bill says {amount}. Please refund what is too much.",
            "The return went out {few} weeks ago. Is a refund on its way, or do I have to send another letter?",
        ),
        ("money returned", "charged me", "pay it back", "money back", "refund", "on my card"),
    ),
    "delivery": (
        (
            "My parcel with {thing} should have come on {day}. Where is it?",
            "The courier left {thing} at the wrong door in {city}.",
            "Tracking has said «in {city}» for {few} days now. Is the parcel lost?",
            "We ordered {thing} for a {noun}, and it reached us {few} days late.",
            "The box was open, and of {few} cups only one had survived the shipping.",
            "Can the courier come after {hour}? Nobody is at home on {day}.",
            "{name} {surname} is still waiting for {thing}; the neighbours got theirs on {day}.",
        ),
        ("parcel", "courier", "shipping", "wrong door", "reached us", "still waiting"),
    ),
    "technical problem": (
        (
            "The screen of {thing} stays black after the update and shows error {hundreds}.",
            "The app crashes whenever {name} tries to save the {noun}.",
            "Since {day}, your website shows error {hundreds} as soon as I open the basket.",
            "{thing} does not start. The lamp blinks {few} times, and that is all.",
            "On my tablet the button for {subject} cannot be pressed, it is half outside of the screen.",
            "Each search for a {noun} ends with a blank page and error {hundreds}.",
            "The download of the {noun} stops at {tens} percent, on every browser I have; then it crashes.",
        ),
        ("error", "crash", "screen", "does not start"),
    ),
    "account": (
        (
            "I cannot log in since {day}; please reset the password of {name} {surname}.",
            "I would like to change the address in my profile to {city}.",
            "How do I close my account? I have not used it since {year}.",
            "My username still has my old name, {surname}. Can I change it to {surname}?",
            "There are two accounts under {name} {surname}. Please put them into one.",
            "Somebody in {city} tried to log in as me on {day}. What should I do?",
            "The code for a new password never arrives, neither by mail nor on the phone.",
        ),
        ("log in", "password", "profile", "username", "account"),
    ),
    "praise": (POSITIVE, ("delight", "perfect", "wonderful", "best", "recommend", "love", "enjoy", "friendly")),
    "complaint": (NEGATIVE, ("disappoint", "broke", "rude", "terrible", "never again", "waste", "worst", "dirty")),
    "urgent": (
        (
            "Water is coming through the ceiling above {subject}. Call {name} immediately!",
            "The {noun} has to be signed today before {hour}, or we lose the room in {city}.",
        ),
        ("immediately", "today", "emergency", "right now", "at once"),
    ),
    "routine": (
        (
            "Whenever you find the time, have a look at the {noun} for {month}.",
            "{name} will bring the {noun} to the meeting in a few weeks; no answer is needed.",
        ),
        ("whenever", "no answer", "few weeks", "no hurry"),
    ),
    "spam": (
        (
            "Congratulations! You have won {thing} worth {hundreds} euros. Click the link to claim your prize!",
            "Earn {hundreds} euros a day from home, guaranteed. Click here before midnight!",
        ),
        ("congratulations", "click", "prize", "guaranteed"),
    ),
    "legitimate": (
        (
            "Dear {name}, the {noun} has moved to {day}. See you in {city}.",
            "Hello {name}, attached is the invoice for {thing}, as we agreed on {day}.",
        ),
        ("dear", "hello", "agreed", "see you"),
    ),
    "formal": (
        (
            "Dear Ms {surname}, I am writing to enquire about {subject}. Yours sincerely, {name} {surname}",
            "We hereby confirm receipt of your letter of {dom} {month} concerning {subject}.",
        ),
        ("dear", "sincerely", "hereby", "enquire", "concerning"),
    ),
    "informal": (
        (
            "hey {name}, wanna check out {subject} on {day}? gonna be fun",
            "yeah no worries, I'll grab {thing} on the way lol",
        ),
        ("hey", "wanna", "gonna", "yeah", "lol"),
    ),
    "fact": (
        ("{city} is a city with a railway station.", "Water freezes at 0 degrees Celsius.", "A week has seven days."),
        ("is a", "freezes", "has "),
    ),
    "opinion": (
        (
            "I think that {subject} is the most charming thing in {city}.",
            "In my view nobody should need {thing}, however beautiful it is.",
        ),
        ("i think", "in my view", "should", "most charming"),
    ),
    "question": (("Where did {name} leave {thing}?", "Will {subject} still be there in {month}?"), ("?",)),
    "statement": (("{name} left {thing} in {city}.", "The {noun} begins on {day}."), ("left", "begins")),
    "command": (
        ("Close the door behind you, {name}.", "Put {thing} on the table and wait."),
        ("close ", "put ", "wait"),
    ),
}

ALIASES: Mapping[str, str] = {
    "good": "positive", "happy": "positive", "satisfied": "positive", "favourable": "positive", "praising": "positive",
    "bad": "negative", "unhappy": "negative", "dissatisfied": "negative", "angry": "negative", "sad": "negative",
    "unclear": "mixed", "sport": "sports", "medicine": "health", "economy": "business", "finance": "business",
    "tech": "technology", "cooking": "food", "shipping": "delivery", "not spam": "legitimate", "ham": "legitimate",
    "not urgent": "routine", "can wait": "routine", "casual": "informal", "objective": "fact", "subjective": "opinion",
    "technical": "technical problem", "bug": "technical problem", "request": "command", "billing": "refund",
}  # fmt: skip
