"""Small tables of things that are so: what makes answers right rather than merely fluent."""

from synthkit.providers.demo.words.lists import phrases, table

FACTS = table("""
What is the capital of Norway?|Oslo|Oslo is the capital of Norway
What is the capital of Portugal?|Lisbon|Lisbon is the capital of Portugal
What is the capital of Kenya?|Nairobi|Nairobi is the capital of Kenya
Which planet is closest to the sun?|Mercury|Mercury is the planet closest to the sun
How many sides does a hexagon have?|six|A hexagon has six sides
Which gas do plants take in for photosynthesis?|carbon dioxide|Plants take in carbon dioxide for photosynthesis
What is the largest ocean on Earth?|the Pacific Ocean|The Pacific is the largest ocean on Earth
At what temperature does water freeze in degrees Celsius?|0 degrees|Water freezes at 0 degrees Celsius
How many days does a leap year have?|366|A leap year has 366 days
Which organ pumps blood through the body?|the heart|The heart pumps blood through the body
What do bees collect from flowers?|nectar and pollen|Bees collect nectar and pollen from flowers
Which metal is liquid at room temperature?|mercury|Mercury is a metal that is liquid at room temperature
What is the chemical symbol of gold?|Au|The chemical symbol of gold is Au
Which river flows through Cairo?|the Nile|The Nile flows through Cairo
How many strings does a violin have?|four|A violin has four strings
What is it called when ice turns to water?|melting|Ice turns to water by melting
Which continent is the driest?|Antarctica|Antarctica is the driest continent
How many players of one football team are on the field?|eleven|A football team has eleven players on the field
What colour do blue and yellow paint make?|green|Blue and yellow paint make green
Which instrument measures air pressure?|a barometer|A barometer measures air pressure
What is the square root of 144?|12|The square root of 144 is 12
Which animal is the largest on Earth?|the blue whale|The blue whale is the largest animal on Earth
How many minutes are there in a day?|1,440|There are 1,440 minutes in a day
In which direction does the sun rise?|in the east|The sun rises in the east
""")

FALSEHOODS = phrases(
    """
The moon gives off its own light like the sun
A triangle has four corners
Spiders have six legs
Water boils at 50 degrees Celsius at sea level
The Sahara is a rainforest
Penguins live wild at the North Pole
A century lasts fifty years
Sound travels faster than light
Iron floats on water
A dozen means fifteen
Wheat grows on trees
Mount Everest is the lowest mountain of Asia
An octopus has five arms
Ice is heavier than lead
The heart digests food
"""
)

PHRASEBOOK = tuple(
    zip(
        phrases(
            """
Good morning, how are you?
Where is the railway station?
I would like a cup of tea.
The shop is closed on Sundays.
My sister lives in a small house.
How much does this book cost?
We are waiting for the bus.
The weather is very nice today.
Can you help me, please?
I do not understand the question.
The children are playing in the garden.
Tomorrow I will travel to the sea.
Please close the window.
The soup is too hot.
He reads the newspaper every morning.
"""
        ),
        phrases(
            """
Bonjour, comment allez-vous ?
Où est la gare ?
Je voudrais une tasse de thé.
Le magasin est fermé le dimanche.
Ma sœur habite une petite maison.
Combien coûte ce livre ?
Nous attendons le bus.
Il fait très beau aujourd'hui.
Pouvez-vous m'aider, s'il vous plaît ?
Je ne comprends pas la question.
Les enfants jouent dans le jardin.
Demain, je voyagerai à la mer.
Fermez la fenêtre, s'il vous plaît.
La soupe est trop chaude.
Il lit le journal tous les matins.
"""
        ),
        phrases(
            """
Buenos días, ¿cómo está usted?
¿Dónde está la estación de tren?
Quisiera una taza de té.
La tienda está cerrada los domingos.
Mi hermana vive en una casa pequeña.
¿Cuánto cuesta este libro?
Estamos esperando el autobús.
Hoy hace muy buen tiempo.
¿Puede ayudarme, por favor?
No entiendo la pregunta.
Los niños juegan en el jardín.
Mañana viajaré al mar.
Cierre la ventana, por favor.
La sopa está demasiado caliente.
Lee el periódico todas las mañanas.
"""
        ),
        phrases(
            """
Guten Morgen, wie geht es Ihnen?
Wo ist der Bahnhof?
Ich hätte gern eine Tasse Tee.
Der Laden ist sonntags geschlossen.
Meine Schwester wohnt in einem kleinen Haus.
Wie viel kostet dieses Buch?
Wir warten auf den Bus.
Das Wetter ist heute sehr schön.
Können Sie mir bitte helfen?
Ich verstehe die Frage nicht.
Die Kinder spielen im Garten.
Morgen reise ich ans Meer.
Bitte schließen Sie das Fenster.
Die Suppe ist zu heiß.
Er liest jeden Morgen die Zeitung.
"""
        ),
        strict=True,
    )
)
"""Sentences in English, French, Spanish and German."""

SPELLING = table("""
receive|recieve
definitely|definately
tomorrow|tommorow
separate|seperate
necessary|neccessary
beginning|begining
believe|beleive
weird|wierd
calendar|calender
until|untill
really|realy
different|diffrent
surprise|suprise
which|wich
friend|freind
their|thier
writing|writting
because|becuase
""")

MISTAKEN = phrases(
    """
We will {receive} the new chairs for {subject} on {day}, {because} the van was late.
My {friend} {name} {definitely} wants to visit {subject} {tomorrow}.
The {calendar} has two {separate} pages for {subject}, {which} is confusing.
From the {beginning} it was {necessary} to book {subject} weeks ahead.
I {believe} the visitors brought {their} own cups to {subject} in {city}.
It was a {really} nice {surprise} to see {name} at {subject} {until} midnight.
Each group is {writing} a {different} report about {subject}.
It felt {weird} to walk past {subject} on {day} and find nobody there.
"""
)

GROUPS = table("""
a fruit|apple|pear|plum|cherry|quince|apricot|fig
a musical instrument|cello|flute|trumpet|oboe|harp|accordion|drum
a tool|hammer|chisel|pliers|saw|spanner|file|drill
a bird|heron|sparrow|owl|magpie|wren|kestrel|swift
a piece of furniture|wardrobe|stool|bookcase|armchair|dresser|bench|desk
a kind of weather|hail|fog|drizzle|thunder|sleet|frost|breeze
a vehicle|tram|lorry|scooter|ferry|bicycle|van|barge
a vegetable|leek|carrot|turnip|spinach|parsnip|celery|beetroot
a piece of clothing|scarf|cardigan|glove|trousers|waistcoat|sock|raincoat
a gemstone|opal|ruby|emerald|topaz|sapphire|garnet|amethyst
a tree|oak|birch|larch|willow|elm|maple|ash
a sport|rowing|fencing|judo|tennis|hockey|archery|cricket
""")

SYNONYMS = table("""
happy|glad, cheerful, content|sad
quick|fast, swift, rapid|slow
brave|bold, courageous, fearless|timid
quiet|silent, hushed, still|loud
generous|giving, open-handed, kind|stingy
ancient|old, age-old, antique|modern
fragile|delicate, brittle, breakable|sturdy
honest|truthful, sincere, frank|deceitful
narrow|slim, tight, thin|wide
clever|smart, bright, sharp|foolish
tidy|neat, orderly, trim|messy
rare|uncommon, scarce, unusual|common
gentle|mild, soft, tender|harsh
eager|keen, willing, avid|reluctant
empty|vacant, bare, hollow|full
humble|modest, unassuming, meek|arrogant
""")

CONCEPTS = table("""
inflation|prices rise over time, so the same money buys less
photosynthesis|plants use light to make sugar from water and carbon dioxide
compound interest|interest is paid on earlier interest as well, so savings grow faster and faster
gravity|masses attract each other, which is why things fall and planets stay in orbit
a vaccine|the body meets a harmless part of a germ and learns to fight it in advance
recursion|a problem is solved by solving smaller copies of itself
supply and demand|prices move until what is offered matches what is wanted
the water cycle|water evaporates, forms clouds, falls as rain and runs back to the sea
an algorithm|a list of steps that leads from a question to its answer
encryption|a message is scrambled so that only someone with the key can read it
erosion|wind and water carry soil and rock away little by little
an ecosystem|living things and their surroundings depend on one another
probability|a number between nought and one says how likely something is
a database index|like the index of a book, it finds rows without reading everything
fermentation|tiny organisms turn sugar into acid, gas or alcohol
a metaphor|one thing is called another in order to show what they share
insurance|many people pay a little so that the few with bad luck are helped
the greenhouse effect|some gases in the air hold back heat that would escape into space
a limited company|the owners risk only what they put in
pollination|pollen travels from flower to flower, so that seeds and fruit can form
machine learning|a program finds patterns in examples instead of following rules written by hand
a placebo|a treatment with no active part, used to see what expectation alone can do
tides|the pull of the moon and the sun raises and lowers the sea twice a day
opportunity cost|choosing one thing means giving up the best alternative
a cache|things used recently are kept close at hand, so that they can be found faster
osmosis|water moves through a thin skin to where more is dissolved in it
version control|every change to a set of files is kept, with its author and its reason
static electricity|charges gather on a surface and jump when they find a way
""")

GAPS = table("""
The early bird catches the ___.|worm
Many hands make light ___.|work
Please switch off the ___ when you leave the room.|lights
Bees live in a ___ and make honey.|hive
She unlocked the door with her ___.|key
A doctor who treats animals is called a ___.|vet
We cut the bread with a sharp ___.|knife
In winter the lake is covered with ___.|ice
The ship dropped its ___ in the bay.|anchor
The baker takes the loaves out of the ___.|oven
He looked at his watch to see the ___.|time
The letter needs a ___ before it can be posted.|stamp
Spiders catch flies in their ___.|web
When it rains, I take my ___.|umbrella
""")

PAIRS = table("""
travelling by train|travelling by plane
renting a flat|buying one
paper books|electronic readers
city life|life in a village
working from home|working in an office
a gas cooker|an induction cooker
a laptop|a desktop computer
learning alone|learning in a group
cash|payment by card
summer holidays|winter holidays
a cat|a dog
open-plan offices|separate rooms
a spreadsheet|a database
cycling|taking the bus
baking at home|buying bread
a weekly market|a supermarket
email|a phone call
a large wedding|a small one
""")

HOWTO = phrases(
    """
remove a wax stain from a tablecloth
keep basil alive on a window sill
descale a kettle
repot an orchid
patch a bicycle tube
sharpen a kitchen knife
store potatoes over winter
fold a fitted sheet
clean a cast-iron pan
unblock a sink
hang a heavy picture
dry herbs
pack a suitcase for a week
learn a speech by heart
get candle soot off a wall
polish leather shoes
revive stale bread
thread a sewing machine
take a photo of the moon
read a topographic map
paint a radiator
prune an apple tree
quieten a squeaky door
make a compost heap
tie a bowline knot
prepare for a job interview
start a conversation with a stranger
save a wet phone
insulate a window
prepare a birthday party
"""
)
