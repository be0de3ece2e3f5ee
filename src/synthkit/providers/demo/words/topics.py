"""What texts are about: subjects and the turns that make each of them a topic of its own."""

from synthkit.providers.demo.words.lists import phrases

SUBJECTS = phrases(
    """
a village bakery
the night bus network
urban beekeeping
a school chess club
rainwater barrels
a mobile library
the old tram depot
a repair café
wild swimming
a community orchard
the harbour museum
second-hand bicycles
a brass band
sourdough bread
an open-air cinema
allotment gardens
a sleeper train
the county archive
home composting
a pottery workshop
solar panels on barns
a neighbourhood choir
the weekly fish market
a walking route along the canal
cargo bikes for deliveries
a mountain hut
bird boxes on balconies
a board game evening
the town's only ice rink
a seed exchange
children's science fairs
a puppet theatre
the restored windmill
vertical farming
a student radio station
street trees
a ferry to the islands
heat pumps in terraced houses
an amateur observatory
reusable coffee cups
a knitting circle
the town's flood defences
a food bank
electric school buses
a dialect dictionary
lending tools instead of buying them
a lighthouse trail
tea growing
an astronomy podcast
a street food festival
the public swimming pool
a map of drinking fountains
remote work
a toy library
noise from delivery vans
a lacemaking course
the post office counter
vegetable boxes by subscription
a football team for over-sixties
insect hotels
a mural under the railway bridge
hand-drawn maps
the last cobbler in town
a language café
green roofs
a bell tower
digital receipts
a cycling school for adults
the botanical garden
handwritten letters
a bakery vending machine
tidal power
the annual kite festival
a co-operative grocery
a quiet carriage
mushroom walks
fair-trade chocolate
an escape room
a clothes swap
river clean-up days
the village fire brigade
slow tourism
a letterpress studio
school gardens
a museum of everyday objects
the local cheese dairy
paper recycling
a jazz cellar
park benches
shared laundry rooms
the summer reading challenge
a bat survey
birdsong recordings
a sewing bee
old photographs of the harbour
a cable car
bread made from rye
a volunteer driving service
the town clock
water-saving showers
a marathon through the vineyards
a theatre for families
"""
)

ANGLES = phrases(
    """
during a heat wave
on a very small budget
run entirely by volunteers
after a change of owner
in the weeks before the holidays
without a car
for people who work at night
in a town of four thousand people
that nearly closed last year
with almost no advertising
in the rainy season
through the eyes of a newcomer
ten years after the first attempt
as a present for a neighbour
since the bridge was closed
for families with three children
when half of the helpers are ill
in a building with thin walls
that opens only on Saturdays
next to a busy ring road
before mobile phones
that needs a new roof
with help from the local school
on a windy coast
for absolute beginners
in the middle of winter
that has outgrown its rooms
without any plastic
after the big storm
with a queue of two years
in a former factory
at the edge of a national park
that visitors rarely find
with only one full-time employee
in the first hour of the day
when prices keep rising
for people who cannot see well
as it might look in fifty years
despite a sceptical landlord
that started as a joke
in two neighbouring villages
while the station is being rebuilt
for guests with allergies
after a generous donation
that wins prizes every year
with borrowed equipment
on the longest day of the year
behind the town hall
in a very competitive market
without raising the fees
under a new set of rules
with three rival clubs nearby
after a long strike
seen from the accountant's desk
by and for teenagers
"""
)

DRAWBACKS = phrases(
    """
the opening hours are too short
the costs are hard to predict
too few people know about it
the equipment breaks down every spring
nobody has agreed who is in charge
parking nearby is a daily quarrel
the waiting list keeps growing
it depends on one tireless person
the paperwork takes whole weekends
the neighbours complain about the noise
good weather decides everything
the building is draughty
spare parts have become rare
the younger members drift away
the sign on the road is easily missed
"""
)

BENEFITS = phrases(
    """
it brings people together who would never meet
it saves each household a little money
children learn patience there
it keeps an old skill alive
the street has become quieter
visitors stay a day longer
it needs hardly any energy
almost everything is reused
it gives beginners a fair start
the shops nearby sell more
it makes the town easier to love
newcomers find friends quickly
nothing is thrown away any more
the air is noticeably cleaner
it costs less than the old arrangement
"""
)

ACTIONS = phrases(
    """
ask two regulars what they would miss most
write down what it costs in an ordinary month
start with a trial of four weeks
find one person for each task, and a stand-in
borrow the equipment before buying any
put a clear sign at the entrance
agree on a date and tell everybody
visit a place that has done it already
keep a simple list of what goes wrong
ring the town hall about permits
set aside a tenth of the money for surprises
take photographs before anything changes
hold a short meeting every second week
thank the helpers by name
test everything once without visitors
offer tea, since people stay longer then
check the weather two days ahead
share the results with the neighbours
choose one goal and drop the other two
measure the room before moving furniture
print the plan in large letters
leave an hour free for delays
invite somebody who disagrees
make the first step very small
"""
)

ASPECTS = phrases(
    """
money
time
trust
good tools
a clear timetable
patient volunteers
enough space
local knowledge
a reliable supplier
the right season
simple rules
somebody who keeps the keys
fair prices
warm rooms
a sense of humour
good light
short distances
regular practice
"""
)

THINGS = phrases(
    """
a leather-bound notebook
a folding kayak
a copper kettle
a child's raincoat
a cordless drill
a jar of heather honey
a wool blanket
a desk lamp
a pair of hiking boots
a travel chess set
a cast-iron pan
a bicycle bell
a solar lantern
a wooden puzzle
a linen apron
a pocket telescope
a garden hose
a set of watercolours
a picnic basket
a vacuum flask
a sourdough starter
a music box
a rucksack with a rain cover
a ceramic teapot
a hand-cranked radio
a pruning knife
"""
)
