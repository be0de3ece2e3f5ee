"""Turns of phrase: what an instruction asks for on top of its task."""

from synthkit.providers.demo.words.lists import phrases, words

TAILS = phrases(
    """
keeping it under eighty words
and end with a question
in a warm but honest tone
without a single exclamation mark
and mention one thing that could go wrong
so that it can be read aloud in a minute
using short sentences only
and leave out everything that is obvious
with a pinch of dry humour
starting with the most surprising point
and avoid technical terms
as if you were talking to a friend
in the present tense
with one concrete example
and close with a single piece of advice
without naming any prices
so that nobody feels blamed
in British English
and mark the most important word in bold
with a title of at most five words
from the point of view of a beginner
and say what you are unsure about
leaving the dates as they are
with numbers wherever that helps
so that it fits on a postcard
in plain and friendly language
and do not repeat the same word twice in a row
keeping the order of events
as a text for a notice board
with equal weight on both sides
and add a sentence for those who already know it
without any advertising language
so that it works on a small screen
addressing the reader directly
and explain one unusual word
in the style of a field guide
with a calm opening line
as the opening of a longer talk
in no more than two paragraphs
and name one source of further help
keeping all names and places
as neutral as a weather report
and give the reader one reason to smile
with the practical part first
"""
)

DOCUMENTS = phrases(
    """
short article
newspaper report
council memo
diary entry
blog post
meeting note
travel report
letter to the editor
press release
project update
radio script
interview excerpt
"""
)

TONES = phrases(
    """
more polite
more formal
friendlier
more confident
less aggressive
calmer
more diplomatic
warmer
more professional
"""
)

BACKGROUNDS = phrases(
    """
It will be read by {audience} on {day}.
{name} {surname} in {city} is waiting for it.
The background is simple: {drawback}.
{job} will check the result {context}.
Bear in mind that {benefit}.
Somebody else has tried it in {city} and failed, because {drawback}.
We printed the first version in {year}, next to a picture of {thing}.
My neighbour {name} swears that it takes nothing but {aspect}.
The best version wins {thing}.
If anything is unclear, assume that {benefit}.
{name} needs it before the next meeting on {subject}.
It belongs to a series on {subject} {angle}.
Last time, {audience} found it too difficult.
Afterwards I have to {chore}, so keep it simple.
Imagine that {audience} will compare it with what {name} wrote in {city}.
It is for a poster that hangs between {thing} and {thing}.
Your reader has just come back from {city} and knows all about {subject}.
Whoever finds a mistake in it will get {thing} from {name}.
Nobody but {name} has seen it so far, and {name} was thinking of {subject}.
Do not worry if {drawback}.
We want to show it to {audience} when they come to see {subject}.
It should make sense even to {audience}.
In {month} we had the same task with {subject}, and it took {few} evenings.
"""
)

CHORES = phrases(
    """
water the plants
book the dentist
renew the library card
call the plumber
order printer paper
pick up the parcel
defrost the freezer
write to the landlord
pay the phone bill
clean the gutters
prepare the slides
buy light bulbs
return the drill
back up the laptop
send the invitations
fix the garden gate
sharpen the kitchen knives
reserve a table
wash the curtains
check the smoke alarm
update the price list
feed the neighbour's cat
plan the team lunch
measure the hallway
oil the bicycle chain
draft the contract
cancel the gym trial
collect the dry cleaning
sort the old photos
restock the tea shelf
"""
)

NOUNS = phrases(
    """
morning briefing
garden party
budget review
piano lesson
harbour walk
coffee order
weekly report
museum visit
team photo
spare key
winter coat
rye bread
train ticket
reading list
repair kit
choir practice
paint sample
guest room
tax folder
bird feeder
picnic blanket
door sign
rain barrel
first draft
seed catalogue
night shift
oak table
market stall
cheese board
fire drill
"""
)

CONTEXTS = phrases(
    """
for a community newsletter
for a training day
for the website of a small firm
for a school project
for a family group chat
for an exhibition label
for a podcast episode
for a funding application
for the staff room wall
for a travel brochure
for a local radio programme
for next week's meeting
for a beginners' course
for a club magazine
for an online shop
for a charity auction
"""
)

PREFIXES = phrases(
    """
Please
Kindly
Could you please
Would you
When you have a moment, please
As a quick favour,
Today, please
For my notes,
"""
)

VERBS = frozenset(
    words(
        """
add advise analyse analyze anonymise answer argue arrange ask assess boil book brainstorm build calculate categorize
change check choose classify clean collect combine come compare complete compose compute condense convert correct
count create decide define delete describe design detect determine develop discuss draft draw edit estimate evaluate
examine explain express extract fill find fix flag format formulate gather generate give group help identify imagine
improve indicate invent invite judge label list make mark match move name offer open order organise organize outline
paraphrase pick plan play predict prepare present proofread propose provide pull put rank read recommend record remind
remove rename repeat rephrase replace reply report reserve return reverse review reword rewrite say schedule select
send set shorten show simplify sketch solve sort spell state stop suggest summarise summarize tell think transform
translate turn update use verify work write
"""
    )
)
"""What instructions begin with."""

SENTENCES = phrases(
    """
{name} has worked with {subject} for {teens} years and still finds it surprising.
The meeting about {subject} in {city} starts at {hour} on {day}.
Nobody expected that {subject} would become so popular {angle}.
In {month}, {name} {surname} took over {subject} and changed almost nothing.
Most visitors come to {city} for {subject}, and stay for the food.
The first rule of {subject} is simple: {action}.
According to {name}, {subject} needs {aspect} more than it needs advertising.
People in {city} like {subject} because {benefit}.
The trouble with {subject} is that {drawback}.
Each {day}, {name} writes a page about {subject} {angle}.
"""
)
